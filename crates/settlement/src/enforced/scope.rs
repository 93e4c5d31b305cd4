//! Where and when a mandate may be used, as charges judge it: at the place of the bill, on the business day of the charge.

use kernel::Date;
use policy::plan::Permission;

use crate::institution::{Institution, Kind};

/// Where and when a mandate may be used.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MandateScope {
    /// Empty is every kind of institution.
    pub kinds: Vec<Kind>,
    /// By `fixmedins_code`; empty is all.
    pub institutions: Vec<String>,
    /// The first business day; none is no bound.
    pub from: Option<Date>,
    /// The last business day; none is no bound.
    pub until: Option<Date>,
}

impl MandateScope {
    /// Why a bill of `place` on `day` is not covered, if it is not.
    pub(super) fn excludes(&self, place: &Institution, day: Date) -> Option<Permission> {
        if let Some(from) = self.from.filter(|from| day < *from) {
            return Some(Permission::NotYet(from));
        }
        if self.until.is_some_and(|until| until < day) {
            return Some(Permission::Over);
        }
        let kind = self.kinds.is_empty() || self.kinds.contains(&place.kind);
        let named = self.institutions.is_empty() || self.institutions.contains(&place.code);
        (!(kind && named)).then_some(Permission::Elsewhere)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::super::tests::{binding, mandate, parties};
    use super::super::{BindingState, Enforced, Mandate, MandateState};
    use super::*;
    use kernel::BindingId;

    #[test]
    fn a_mandate_covers_its_places_and_its_days_and_nothing_else() {
        let place = |code: &str, kind| Institution {
            code: code.to_owned(),
            name: "测试".to_owned(),
            kind,
            region: "110100".parse().unwrap(),
            tier: 0,
            sandbox: true,
        };
        let (pharmacy, hospital) = (place("P1", Kind::Pharmacy), place("H1", Kind::Hospital));
        let (first, last) = (date(2026, 3, 1), date(2026, 3, 31));
        let under = |scope: MandateScope| {
            let mut enforced = Enforced::unheard(BindingId::generate(), parties());
            enforced.apply_binding(binding(2, BindingState::Bound));
            enforced.apply_mandate(Mandate {
                scope,
                ..mandate(1, MandateState::InForce)
            });
            enforced
        };
        let days = under(MandateScope {
            from: Some(first),
            until: Some(last),
            ..MandateScope::default()
        });
        for (day, permission) in [
            (date(2026, 2, 28), Permission::NotYet(first)),
            (first, Permission::InForce),
            (last, Permission::InForce),
            (date(2026, 4, 1), Permission::Over),
        ] {
            assert_eq!(days.permission_for(&pharmacy, day), permission, "{day}");
        }
        let kinds = under(MandateScope {
            kinds: vec![Kind::Hospital],
            ..MandateScope::default()
        });
        assert_eq!(
            kinds.permission_for(&pharmacy, first),
            Permission::Elsewhere
        );
        assert_eq!(kinds.permission_for(&hospital, first), Permission::InForce);
        let named = under(MandateScope {
            institutions: vec!["H1".to_owned()],
            ..MandateScope::default()
        });
        assert_eq!(
            named.permission_for(&pharmacy, first),
            Permission::Elsewhere
        );
        assert_eq!(named.permission_for(&hospital, first), Permission::InForce);
    }
}
