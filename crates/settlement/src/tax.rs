//! The serious-illness medical deduction of individual income tax (大病医疗专项附加扣除), estimated.
//!
//! A tax year is a calendar year, and a bill belongs to the year in which it was recorded; what came back of it later lowers
//! that year. What accounts paid counts, a relative's too: it is the patient's figure, not the payer's (`domain.md` section 17,
//! which also says that this is a reading). The national platform's own figure wins, so everything here is an estimate.

use kernel::{Fen, Usage};

use crate::year::VisitCosts;

/// What may be deducted, from a tax year on.
#[derive(Debug, PartialEq, Eq)]
pub struct TaxRule {
    /// The first tax year it holds for; it holds until a later one does.
    pub from_year: i16,
    /// Only what is above it counts, per patient and year.
    pub threshold: Fen,
    /// And of that no more than this.
    pub most: Fen,
    /// Who says so.
    pub source: &'static str,
}

/// The rules, oldest first.
const RULES: &[TaxRule] = &[TaxRule {
    from_year: 2019,
    threshold: Fen::new(1_500_000),
    most: Fen::new(8_000_000),
    source: "国发〔2018〕41号",
}];

impl TaxRule {
    /// The rule of a tax year; none before there was such a deduction.
    pub fn of(year: i16) -> Option<&'static Self> {
        RULES.iter().rfind(|rule| rule.from_year <= year)
    }
}

/// Whether bills of this kind can be costs within the insurance's lists at all. Contributions to insurances are no medical
/// costs, and prevention, check-ups and goods for the household are on no list, whatever an account may pay for them.
const fn is_medical(usage: Usage) -> bool {
    match usage {
        Usage::HospitalOutpatient
        | Usage::HospitalInpatient
        | Usage::PharmacyDrug
        | Usage::MedicalDevice
        | Usage::Consumable => true,
        Usage::Disinfectant
        | Usage::VaccineNonPlan
        | Usage::PhysicalExam
        | Usage::TcmPreventive
        | Usage::ResidentPremium
        | Usage::LongTermCare
        | Usage::CitySupplementIns
        | Usage::OwnRetireTopup
        | Usage::PublicHealth
        | Usage::Fitness
        | Usage::Wellness => false,
    }
}

/// What a patient may deduct for a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    pub year: i16,
    /// Own account, aid and cash.
    pub personal: Fen,
    /// The part of it outside the insurance's lists. What the patient pays first of class-B items is inside them.
    pub not_insured: Fen,
    pub in_list: Fen,
    pub deductible: Fen,
    pub rule: &'static TaxRule,
}

/// Estimates the deduction for `year` from what stands of its bills; none if a sum does not fit.
pub fn estimate(year: i16, rule: &'static TaxRule, visits: &[VisitCosts]) -> Option<Estimate> {
    let mut personal = Fen::ZERO;
    let mut not_insured = Fen::ZERO;
    for visit in visits {
        let paid = visit.split.personal()?;
        let outside = if is_medical(visit.usage) {
            visit.not_insured
        } else {
            paid
        };
        personal = personal.checked_add(paid)?;
        not_insured = not_insured.checked_add(outside)?;
    }
    let in_list = personal.checked_sub(not_insured)?;
    Some(Estimate {
        year,
        personal,
        not_insured,
        in_list,
        deductible: in_list.less(rule.threshold).min(rule.most),
        rule,
    })
}

impl Estimate {
    /// The figure in a sentence, in Chinese.
    pub fn zh(&self) -> String {
        format!(
            "{}年医保目录范围内个人负担{}元（含本人账户、家庭共济和现金），超过{}元的部分可扣除{}元，上限{}元。\
             依据{}估算，以国家医保服务平台显示的金额为准；由患者本人或配偶扣除，未成年子女由父母一方扣除。",
            self.year,
            self.in_list,
            self.rule.threshold,
            self.deductible,
            self.rule.most,
            self.rule.source,
        )
    }

    /// The figure in a sentence, in English.
    pub fn en(&self) -> String {
        format!(
            "In {} the patient bore {} yuan within the insurance's lists (own account, mutual aid and cash). Of what is above {} \
             yuan, {} may be deducted, at most {}. This is an estimate by {}: the figure of the national platform counts. The \
             patient or the spouse deducts it, for a minor child either parent.",
            self.year,
            self.in_list,
            self.rule.threshold,
            self.deductible,
            self.rule.most,
            self.rule.source,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::year::Paid;

    fn visit(usage: Usage, own: i64, aid: i64, cash: i64) -> VisitCosts {
        VisitCosts {
            usage,
            bills: 1,
            split: Paid {
                // What the fund paid counts for nobody's deduction.
                pooled: Fen::new(123),
                own: Fen::new(own),
                aid: Fen::new(aid),
                cash: Fen::new(cash),
            },
            not_insured: Fen::ZERO,
        }
    }

    fn of(visits: &[VisitCosts]) -> Estimate {
        estimate(2026, TaxRule::of(2026).unwrap(), visits).unwrap()
    }

    /// The example of `domain.md` section 17, to the fen.
    #[test]
    fn the_worked_example_comes_to_six_thousand_yuan() {
        let outpatient = VisitCosts {
            not_insured: Fen::new(200_000),
            ..visit(Usage::HospitalOutpatient, 900_000, 400_000, 0)
        };
        let inpatient = visit(Usage::HospitalInpatient, 700_000, 0, 300_000);
        let estimate = of(&[outpatient, inpatient]);
        assert_eq!(estimate.personal, Fen::new(2_300_000));
        assert_eq!(estimate.not_insured, Fen::new(200_000));
        assert_eq!(estimate.in_list, Fen::new(2_100_000));
        assert_eq!(estimate.deductible, Fen::new(600_000));
        assert!(estimate.zh().contains("可扣除6000.00元"));
        assert!(estimate.en().contains("6000.00 may be deducted"));
    }

    #[test]
    fn only_what_exceeds_the_threshold_is_deducted_and_never_more_than_the_most() {
        for (cash, deductible) in [
            (0, 0),
            (1_499_999, 0),
            (1_500_000, 0),
            (1_500_001, 1),
            (9_499_999, 7_999_999),
            (9_500_000, 8_000_000),
            (9_500_001, 8_000_000),
        ] {
            let estimate = of(&[visit(Usage::HospitalInpatient, 0, 0, cash)]);
            assert_eq!(estimate.deductible, Fen::new(deductible), "{cash}");
        }
    }

    #[test]
    fn a_premium_and_a_check_up_are_outside_the_lists() {
        let outside = [
            Usage::ResidentPremium,
            Usage::PhysicalExam,
            Usage::VaccineNonPlan,
        ];
        for usage in outside {
            let estimate = of(&[
                visit(usage, 2_000_000, 0, 0),
                visit(Usage::PharmacyDrug, 1_500_007, 0, 0),
            ]);
            assert_eq!(estimate.not_insured, Fen::new(2_000_000), "{usage}");
            assert_eq!(estimate.deductible, Fen::new(7), "{usage}");
        }
    }

    #[test]
    fn there_was_no_such_deduction_before_2019() {
        assert_eq!(TaxRule::of(2018), None);
        assert_eq!(TaxRule::of(2019), RULES.first());
        assert!(RULES.is_sorted_by_key(|rule| rule.from_year));
    }

    #[test]
    fn a_sum_that_does_not_fit_is_no_estimate() {
        let visits = [visit(Usage::PharmacyDrug, i64::MAX, 1, 0)];
        assert_eq!(estimate(2026, TaxRule::of(2026).unwrap(), &visits), None);
    }
}
