//! Premiums at the border.

use chassis::access::Caller;
use chassis::grpc::refuse;
use proto::settlement::v1 as pb;
use tonic::Status;

use super::{Api, failed, origin, too_many};
use crate::pay_premiums::{Batch, Collector};

/// Pays the premiums of a list, row by row.
pub(super) async fn pay(
    api: &Api,
    caller: Caller,
    request: &pb::PayPremiumsRequest,
) -> Result<pb::PayPremiumsResponse, Status> {
    too_many(request.rows.len())?;
    let batch = Batch::read(request).map_err(refuse)?;
    let collector = Collector {
        office: api.office.clone(),
        writer: api.writer.clone(),
        origin: origin(&caller),
        caller,
    };
    let results = collector
        .pay(&batch, &request.rows)
        .await
        .map_err(|error| failed(&error))?;
    Ok(pb::PayPremiumsResponse { results })
}
