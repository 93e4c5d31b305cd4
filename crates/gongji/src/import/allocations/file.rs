//! Rows of allocations, as they stand in a file.

use proto::common::v1::Bucket;
use proto::settlement::v1::{AllocationKind, AllocationRow};

use crate::rows::{Table, yuan};

/// The columns a CSV file may have.
const COLUMNS: [&str; 11] = [
    "allocation_id",
    "account_id",
    "person_no",
    "region",
    "kind",
    "bucket",
    "amount",
    "wage_base",
    "city_average",
    "age",
    "period",
];

/// How an allocation stands in a file.
pub(super) const fn table() -> Table<AllocationRow> {
    Table {
        columns: &COLUMNS,
        set,
        json: |text| serde_json::from_str(text),
    }
}

fn set(row: &mut AllocationRow, name: &str, value: &str) -> Option<()> {
    match name {
        "allocation_id" => value.clone_into(&mut row.allocation_id),
        "account_id" => value.clone_into(&mut row.account_id),
        "person_no" => value.clone_into(&mut row.person_no),
        "region" => value.clone_into(&mut row.region),
        "period" => value.clone_into(&mut row.period),
        "amount" => row.amount_fen = yuan(value)?,
        "wage_base" => row.bases.get_or_insert_default().wage_base_fen = yuan(value)?,
        "city_average" => row.bases.get_or_insert_default().city_average_fen = yuan(value)?,
        "age" => row.bases.get_or_insert_default().age = value.parse().ok()?,
        "kind" => {
            let kind = AllocationKind::from_str_name(&format!("ALLOCATION_KIND_{value}"));
            row.kind = kind?.into();
        }
        "bucket" => {
            let bucket = Bucket::from_str_name(&format!("BUCKET_{value}"));
            row.bucket = bucket?.into();
        }
        _ => return None,
    }
    Some(())
}

/// A row without an id is known by its batch and line.
pub(super) fn named(batch: &str, line: usize, row: AllocationRow) -> AllocationRow {
    if !row.allocation_id.is_empty() || !row.batch_id.is_empty() {
        return row;
    }
    AllocationRow {
        batch_id: batch.to_owned(),
        row_no: i64::try_from(line).unwrap_or(i64::MAX),
        ..row
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Read;
    use crate::rows::tests::all;

    #[test]
    fn a_table_is_read_by_the_names_of_its_columns_and_rows_keep_their_lines() {
        let text = "\u{feff}person_no,region,kind,amount,period\r\n\
                    320600000001,320600,MONTHLY,12.30,2026-03\r\n\
                    \r\n\
                    320600000002,320600,CLEARING,-600,2026-06\r\n\
                    320600000003,320600,MONTHLY,1.234,2026-03\r\n\
                    320600000004,320600,GIFT,1,2026-03\r\n\
                    320600000005,320600,MONTHLY,1\r\n\
                    320600000006,320600,MONTHLY,\"1\",2026-03\n";
        let read = all(true, text, table()).unwrap();
        let Read::Row(2, first) = &read[0] else {
            panic!("{read:?}")
        };
        let first = named("march", 2, *first.clone());
        assert_eq!(
            (first.amount_fen, first.batch_id.as_str(), first.row_no),
            (1_230, "march", 2)
        );
        let Read::Row(4, second) = &read[1] else {
            panic!("{read:?}")
        };
        assert_eq!(second.amount_fen, -60_000);
        let wrong: Vec<_> = read[2..]
            .iter()
            .map(|read| match read {
                Read::Wrong(line, why) => (*line, why.as_str()),
                Read::Row(..) => panic!("{read:?}"),
            })
            .collect();
        assert_eq!(
            wrong,
            [
                (5, "amount cannot be read"),
                (6, "kind cannot be read"),
                (7, "4 values for 5 columns"),
                (8, "quotes are not read: no value needs any"),
            ]
        );
    }

    #[test]
    fn a_table_with_a_column_that_nobody_knows_is_not_begun() {
        for header in ["person_no,ammount\n", "amount,amount\n", ""] {
            assert!(all(true, header, table()).is_err(), "{header}");
        }
    }

    #[test]
    fn json_lines_may_bring_ids_of_their_own_and_bases() {
        let text = "{\"allocationId\":\"alc_x\",\"amountFen\":\"5\"}\n{\"bases\":{\"age\":40}}\n{\"nope\":1}\n";
        let read = all(false, text, table()).unwrap();
        let [Read::Row(1, own), Read::Row(2, computed), Read::Wrong(3, _)] = &read[..] else {
            panic!("{read:?}")
        };
        let own = named("march", 1, *own.clone());
        assert_eq!((own.batch_id.as_str(), own.amount_fen), ("", 5));
        assert_eq!(named("march", 2, *computed.clone()).batch_id, "march");
        assert_eq!(computed.bases.as_ref().map(|bases| bases.age), Some(40));
    }
}
