//! What a bill is for: the usage categories of `domain.md` 3.3 and 3.4.

use crate::words::words;

words! {
    /// What the money of a bill is spent on. Region packs and mandates each allow a set of these.
    pub enum Usage {
        /// 定点医疗机构门诊
        HospitalOutpatient = "HOSPITAL_OUTPATIENT",
        /// 住院
        HospitalInpatient = "HOSPITAL_INPATIENT",
        /// 定点药店药品
        PharmacyDrug = "PHARMACY_DRUG",
        /// 医疗器械
        MedicalDevice = "MEDICAL_DEVICE",
        /// 医用耗材
        Consumable = "CONSUMABLE",
        /// 消毒用品
        Disinfectant = "DISINFECTANT",
        /// 非免疫规划疫苗
        VaccineNonPlan = "VACCINE_NON_PLAN",
        /// 健康体检
        PhysicalExam = "PHYSICAL_EXAM",
        /// 居民医保缴费
        ResidentPremium = "RESIDENT_PREMIUM",
        /// 长期护理保险缴费
        LongTermCare = "LONG_TERM_CARE",
        /// 惠民保
        CitySupplementIns = "CITY_SUPPLEMENT_INS",
        /// 中医"治未病"
        TcmPreventive = "TCM_PREVENTIVE",
        /// 退休一次性补缴: own money only (Guangdong).
        OwnRetireTopup = "OWN_RETIRE_TOPUP",
        /// 公共卫生: prohibited everywhere (国办发〔2021〕14号).
        PublicHealth = "PUBLIC_HEALTH",
        /// 体育健身: prohibited everywhere.
        Fitness = "FITNESS",
        /// 养生保健: prohibited everywhere.
        Wellness = "WELLNESS",
    }
}

impl Usage {
    /// Whether no pack can ever allow it (`domain.md` 3.4, ruling 41 of the design).
    pub const fn is_prohibited(self) -> bool {
        matches!(self, Self::PublicHealth | Self::Fitness | Self::Wellness)
    }
}
