//! Pages of a list: the cursor is the id of the last item shown, so that nothing is shown twice when something is added.

use kernel::{BindingId, Reason, Refusal};
use proto::common::v1 as pb;

/// What a caller who names no size gets, and the most they can ask for; both are part of the contract.
const USUAL: i64 = 50;
const MOST: i64 = 500;

/// Which part of a list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// 1 to 500.
    size: i64,
    /// The last item of the page before.
    pub after: Option<BindingId>,
}

impl TryFrom<Option<pb::Page>> for Page {
    type Error = Refusal;

    fn try_from(page: Option<pb::Page>) -> Result<Self, Refusal> {
        let page = page.unwrap_or_default();
        let size = match i64::from(page.size) {
            0 => USUAL,
            size @ 1..=MOST => size,
            size => {
                return Err(Refusal::about(
                    Reason::PageTooLarge,
                    format!("page.size = {size}"),
                ));
            }
        };
        let after = match page.cursor.as_str() {
            "" => None,
            cursor => Some(cursor.parse().ok().ok_or(Reason::CursorMalformed)?),
        };
        Ok(Self { size, after })
    }
}

impl Page {
    /// How many to read: one more than is shown tells whether there is a next page.
    pub const fn one_more(self) -> i64 {
        self.size + 1
    }

    /// Cuts what was read to the page, and answers where the next one begins.
    pub fn cut<T>(
        self,
        mut items: Vec<T>,
        id: impl Fn(&T) -> BindingId,
    ) -> (Vec<T>, Option<BindingId>) {
        let size = usize::try_from(self.size).expect("a page has 1 to 500 items");
        if items.len() <= size {
            return (items, None);
        }
        items.truncate(size);
        let last = items.last().map(id);
        (items, last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(size: i32, cursor: &str) -> Result<Page, Refusal> {
        Page::try_from(Some(pb::Page {
            size,
            cursor: cursor.to_owned(),
        }))
    }

    #[test]
    fn a_page_that_asks_too_much_or_starts_nowhere_is_refused() {
        assert_eq!(page(501, "").unwrap_err().reason, Reason::PageTooLarge);
        assert_eq!(page(-1, "").unwrap_err().reason, Reason::PageTooLarge);
        assert_eq!(
            page(0, "acc_1").unwrap_err().reason,
            Reason::CursorMalformed
        );
        assert_eq!(Page::try_from(None).unwrap(), page(50, "").unwrap());
    }

    #[test]
    fn the_next_page_begins_after_the_last_item_shown() {
        let ids: Vec<_> = (0..3).map(|_| BindingId::generate()).collect();
        let two = page(2, "").unwrap();
        assert_eq!(two.one_more(), 3);
        assert_eq!(
            two.cut(ids.clone(), |id| *id),
            (ids[..2].to_vec(), Some(ids[1]))
        );
        assert_eq!(
            two.cut(ids[..2].to_vec(), |id| *id),
            (ids[..2].to_vec(), None)
        );
    }
}
