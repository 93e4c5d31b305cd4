//! The one catalogue of reasons: why something was refused, or why a payer gave nothing (rulings 42 and 50 of the design).
//!
//! A code is stable: clients match on it. The sentences are for people, in Chinese and English, each with what to do about it.

use std::fmt;

macro_rules! reasons {
    ($($(#[$group:meta])* $variant:ident = $code:literal { $zh:literal, $zh_cure:literal; $en:literal, $en_cure:literal })*) => {
        /// A stable reason with its sentences.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason {
            $($(#[$group])* #[doc = $en] $variant,)*
        }

        impl Reason {
            /// Every reason, in the order of the catalogue.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The stable code.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// What happened, in Chinese.
            pub const fn zh(self) -> &'static str {
                match self { $(Self::$variant => $zh,)* }
            }

            /// What to do about it, in Chinese; empty where nothing needs doing.
            pub const fn zh_cure(self) -> &'static str {
                match self { $(Self::$variant => $zh_cure,)* }
            }

            /// What happened, in English.
            pub const fn en(self) -> &'static str {
                match self { $(Self::$variant => $en,)* }
            }

            /// What to do about it, in English; empty where nothing needs doing.
            pub const fn en_cure(self) -> &'static str {
                match self { $(Self::$variant => $en_cure,)* }
            }

            /// The reason with this code.
            pub fn from_code(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|reason| reason.code() == code)
            }
        }
    };
}

reasons! {
    // ---- the form of a request
    MalformedRequest = "MALFORMED_REQUEST" { "报文格式不正确", "请按接口规范检查报文后重发"; "the message is malformed", "check it against the interface and send it again" }
    FieldMissing = "FIELD_MISSING" { "缺少必填项", "请补全后重发"; "a required field is missing", "fill it in and send it again" }
    UnknownCode = "UNKNOWN_CODE" { "代码值无法识别", "请按字典填写"; "a code is not in the dictionary", "use a code of the dictionary" }
    UnknownTransaction = "UNKNOWN_TRANSACTION" { "不支持该交易编号", "请检查 infno"; "this transaction number is not served here", "check infno" }
    PathUnknown = "PATH_UNKNOWN" { "没有这个地址", "请核对请求的路径和方法"; "there is nothing at this address", "check the path and the method" }
    AmountMalformed = "AMOUNT_MALFORMED" { "金额格式不正确", "金额以元为单位，最多两位小数"; "the amount is not a decimal number of yuan with at most two decimals", "write it like 12.30" }
    AmountNegative = "AMOUNT_NEGATIVE" { "金额不能为负数", "请核对金额"; "the amount is negative", "check the amount" }
    AmountZero = "AMOUNT_ZERO" { "金额不能为零", "请核对金额"; "the amount is zero", "check the amount" }
    AmountTooLarge = "AMOUNT_TOO_LARGE" { "金额超出系统上限", "请核对金额"; "the amount is larger than any bill can be", "check the amount" }
    PartsDoNotAddUp = "PARTS_DO_NOT_ADD_UP" { "明细合计与总金额不符", "请核对明细后重发"; "the parts do not add up to the whole", "check the lines against the total" }
    TextMalformed = "TEXT_MALFORMED" { "文字编码不正确", "请以 UTF-8 重新发送"; "a text is not well-formed", "send it as valid UTF-8 without lone surrogates" }
    RegionUnknown = "REGION_UNKNOWN" { "行政区划代码无法识别", "请填写六位医保区划"; "the region is not known", "use the six digits of a region that has a rule pack" }
    IdMalformed = "ID_MALFORMED" { "编号格式不正确", "请使用系统返回的编号"; "an id is malformed", "use an id as it was returned" }
    DateMalformed = "DATE_MALFORMED" { "日期格式不正确", "请按 yyyy-MM-dd 填写"; "a date is malformed", "write it like 2026-01-31" }
    PageTooLarge = "PAGE_TOO_LARGE" { "每页条数或批量超出上限", "请减少条数后重试"; "the page or batch is larger than allowed", "ask for fewer" }
    CursorMalformed = "CURSOR_MALFORMED" { "翻页游标无效", "请从第一页重新查询"; "the page cursor is not one of ours", "start again from the first page" }
    RequestIdReused = "REQUEST_ID_REUSED" { "同一请求编号已用于不同的内容", "请使用新的请求编号"; "this request id was already used for something else", "use a new request id" }

    // ---- access
    AccessTokenMissing = "ACCESS_TOKEN_MISSING" { "请求未携带访问令牌", "请在请求头中携带令牌"; "the request has no access token", "send one as a bearer token" }
    AccessTokenInvalid = "ACCESS_TOKEN_INVALID" { "访问令牌无效", "请重新获取令牌"; "the access token is not valid", "get a new one" }
    AccessTokenExpired = "ACCESS_TOKEN_EXPIRED" { "访问令牌已过期", "请重新获取令牌"; "the access token has expired", "get a new one" }
    AccessDenied = "ACCESS_DENIED" { "该角色无权执行此操作", "请使用有权限的身份"; "this role may not do this", "use a caller that may" }
    NotYours = "NOT_YOURS" { "只能办理本人的业务", "请由本人办理"; "this concerns somebody else", "the person concerned must do it" }
    Internal = "INTERNAL" { "系统内部错误", "请稍后重试，或凭时间联系医保经办机构"; "an internal error; nothing was changed", "try again, or report the time of this answer" }
    Unavailable = "UNAVAILABLE" { "服务暂时不可用", "请稍后用同一报文重试"; "a service is not available for the moment", "send the same request again shortly" }
    RateLimited = "RATE_LIMITED" { "调用过于频繁", "请按提示的时间稍后重试"; "this caller calls too often", "wait as long as the answer says" }
    Overloaded = "OVERLOADED" { "系统繁忙", "请稍后用同一报文重试"; "more requests are waiting than can be served", "send the same request again shortly" }

    // ---- people and enrolments
    PersonUnknown = "PERSON_UNKNOWN" { "查无此人", "请核对人员信息"; "the person is not known", "check the identity" }
    PersonStillInsured = "PERSON_STILL_INSURED" { "此人仍在参保，或有未解除的共济关系、亲情账户", "终止参保并全部解除后再删除"; "the person is still insured, or in an open binding or display link", "erase them once all of it has ended" }
    IdNumberInvalid = "ID_NUMBER_INVALID" { "证件号码不正确", "请核对证件号码"; "the ID number is not valid", "check the ID number" }
    IdentityMismatch = "IDENTITY_MISMATCH" { "姓名与证件号码不一致", "请核对姓名和证件号码"; "the name does not belong to this ID number", "check name and ID number" }
    EnrolmentUnknown = "ENROLMENT_UNKNOWN" { "无此参保记录", "请核对险种和参保地"; "there is no such enrolment", "check scheme and place of insurance" }
    EnrolmentContradicts = "ENROLMENT_CONTRADICTS" { "该人员编号已属于另一人", "请核对人员编号"; "this person number belongs to somebody else", "check the person number" }
    PersonNoInvalid = "PERSON_NO_INVALID" { "人员编号格式不正确", "人员编号为不超过 30 位的字母、数字或连字符，不得使用证件号码"; "the person number is malformed", "it has at most 30 letters, digits and hyphens, and is never the ID number" }
    PhoneInvalid = "PHONE_INVALID" { "手机号码不正确", "请填写 11 位手机号码"; "the phone number is not valid", "give the 11 digits of a mobile number" }
    CardNumberInvalid = "CARD_NUMBER_INVALID" { "社会保障卡号不正确", "请核对社会保障卡号"; "the number of the social-security card is not valid", "check the card number" }
    CardContradicts = "CARD_CONTRADICTS" { "该社会保障卡已属于另一人", "请核对社会保障卡号"; "this social-security card belongs to somebody else", "check the card number" }

    // ---- who may be bound
    SamePerson = "SAME_PERSON" { "不能与本人建立共济关系", "请填写家庭成员的信息"; "contributor and beneficiary are the same person", "name a relative" }
    RelationNotAllowed = "RELATION_NOT_ALLOWED" { "该亲属关系不在本地共济范围内", "共济仅限近亲属"; "this relation is not covered here", "mutual aid is for near relatives" }
    ContributorNotEmployee = "CONTRIBUTOR_NOT_EMPLOYEE" { "授权人没有职工医保个人账户", "须由职工医保参保人授权"; "the contributor has no employees' account", "only an employee can contribute" }
    ContributorSuspended = "CONTRIBUTOR_SUSPENDED" { "授权人参保状态异常", "恢复缴费后可用"; "the contributor's insurance is interrupted", "it works again once contributions resume" }
    ContributorTerminated = "CONTRIBUTOR_TERMINATED" { "授权人已终止参保", "该账户不能再用于共济"; "the contributor's insurance has ended", "this account cannot contribute any more" }
    BeneficiaryNotInsured = "BENEFICIARY_NOT_INSURED" { "使用人未正常参保", "参保缴费后可用"; "the beneficiary is not insured", "it works once they are enrolled and paid up" }
    RegionNotCovered = "REGION_NOT_COVERED" { "双方参保地之间尚未开通共济", "可咨询医保钱包"; "aid between these two places is not open", "ask about the wallet" }
    RoleExclusive = "ROLE_EXCLUSIVE" { "当地规定每人只能在一个共济关系中", "请先解除原有共济关系"; "here a person can be in one aid binding only", "end the other binding first" }
    TooManyBeneficiaries = "TOO_MANY_BENEFICIARIES" { "授权人的共济人数已达上限", "请先解除一名成员"; "the contributor has as many beneficiaries as allowed", "end one binding first" }
    TooManyContributors = "TOO_MANY_CONTRIBUTORS" { "使用人的授权人数已达上限", "请先解除一名授权人"; "the beneficiary has as many contributors as allowed", "end one binding first" }
    TooManyBeneficiariesEver = "TOO_MANY_BENEFICIARIES_EVER" { "授权人历次共济的人数已达上限", "可重新绑定曾共济过的成员"; "the contributor has had as many beneficiaries as are allowed for life", "somebody bound before can be bound again" }
    TooManyChanges = "TOO_MANY_CHANGES" { "授权人本年度变更共济成员的次数已达上限", "请下一年度再绑定新成员"; "the contributor has changed beneficiaries as often as is allowed in a year", "bind somebody new next year" }
    CredentialNotActivated = "CREDENTIAL_NOT_ACTIVATED" { "医保码尚未激活", "请先激活医保码再绑定"; "an e-credential that is needed here is not activated", "activate it first" }
    FunctionNotEnabled = "FUNCTION_NOT_ENABLED" { "授权人尚未开通共济功能", "请先开通再绑定"; "the contributor has not enabled mutual aid", "enable it first" }
    DisplayLinkNeeded = "DISPLAY_LINK_NEEDED" { "当地须先添加亲情账户才能建立共济", "请先添加亲情账户"; "here the beneficiary's code must be linked for display before aid can be bound", "make the display link first" }
    BalanceTooLowToBind = "BALANCE_TOO_LOW_TO_BIND" { "授权人账户余额未达到当地绑定要求", "余额达到要求后再绑定"; "the contributor's balance is below what a binding needs here", "bind once the balance reaches it" }
    KinProofMissing = "KIN_PROOF_MISSING" { "缺少当地要求的亲属关系证明", "请补充后重新提交"; "a proof of kinship that is needed here is missing", "add it and ask again" }
    InvitationExpired = "INVITATION_EXPIRED" { "共济申请已过期", "请授权人重新申请"; "the request waited too long for the other side's word", "the contributor can ask again" }
    DuplicateBinding = "DUPLICATE_BINDING" { "双方已有共济关系", "无需重复绑定"; "these two are already bound", "nothing needs doing" }
    ReciprocalBinding = "RECIPROCAL_BINDING" { "对方已为本人共济，不能互相共济", "请先解除对方的共济关系"; "the beneficiary already contributes to the contributor, and aid is one-way here", "end that binding first" }
    OutsideValidity = "OUTSIDE_VALIDITY" { "不在授权有效期内", "请核对起止日期"; "the date lies outside the validity", "check the dates" }
    FundingModelNotLink = "FUNDING_MODEL_NOT_LINK" { "当地不采用授权共济方式", "请按当地方式办理"; "this place does not fund aid by linking accounts", "use the way this place offers" }
    BindingUnknown = "BINDING_UNKNOWN" { "无此共济关系", "请核对编号"; "there is no such aid binding", "check the id" }
    BindingNotPending = "BINDING_NOT_PENDING" { "该共济申请不在待确认状态", "请刷新后再看"; "this binding is not waiting for an answer", "look at its state" }
    BindingEnded = "BINDING_ENDED" { "共济关系已解除", "如需使用请重新绑定"; "the aid binding has ended", "bind again to use it" }
    ReleaseByContributor = "RELEASE_BY_CONTRIBUTOR" { "当地规定由授权人解除共济", "请授权人解除或暂停"; "here only the contributor can end the binding", "ask the contributor to end or pause it" }
    MinBindNotMet = "MIN_BIND_NOT_MET" { "未满最短绑定期限", "到期前可先暂停共济"; "the shortest binding time is not over", "the contributor can pause it meanwhile" }

    // ---- display links: a code is shown, and no money moves
    DisplayLinkSelf = "DISPLAY_LINK_SELF" { "不能为本人添加亲情账户", "请直接出示本人医保码"; "nobody links their own code for display", "show your own code" }
    RelativeNotInsured = "RELATIVE_NOT_INSURED" { "亲属未正常参保", "参保缴费后可添加亲情账户"; "the relative is not insured", "link them once they are enrolled and paid up" }
    DisplayLinksOfMonthUsed = "DISPLAY_LINKS_OF_MONTH_USED" { "本月添加亲情账户的次数已用完", "请下月再添加，或先撤回未完成的申请"; "this month's display links are used up, those that ended included", "link somebody next month, or take back one that still waits" }
    TooManyBinders = "TOO_MANY_BINDERS" { "该亲属已被他人添加为亲情账户，人数已达上限", "请先由其中一方解除"; "as many people as allowed show this relative's code already", "have one of them end their link first" }
    DisplayLinkExists = "DISPLAY_LINK_EXISTS" { "已为该亲属添加亲情账户", "无需重复添加"; "this relative is linked already", "nothing needs doing" }
    DisplayLinkUnknown = "DISPLAY_LINK_UNKNOWN" { "无此亲情账户", "请核对编号"; "there is no such display link", "check the id" }
    DisplayLinkNotWaiting = "DISPLAY_LINK_NOT_WAITING" { "该亲情账户申请不在待办理状态", "请刷新后再看"; "this display link does not wait for that", "look at its state" }
    DisplayLinkNotActive = "DISPLAY_LINK_NOT_ACTIVE" { "亲情账户未生效或已解除", "请完成核验，或重新添加"; "the display link is not active", "complete its evidence, or link again" }
    DisplayEvidenceUnfit = "DISPLAY_EVIDENCE_UNFIT" { "核验材料不适用于该亲属的年龄", "请按提示更换材料"; "this evidence does not fit the relative's age", "give one of those named" }
    ReviewByAnother = "REVIEW_BY_ANOTHER" { "办理人不能审核本人经办的申请", "请由另一名经办人员审核"; "whoever handed it in cannot review it", "have another operator review it" }
    WrongProductDisplayLink = "WRONG_PRODUCT_DISPLAY_LINK" { "亲情账户只能展示医保码，不能支付费用", "如需用本人账户为亲属付费，请办理家庭共济"; "a display link (亲情账户) shows a code and never moves money", "bind the relative for mutual aid (家庭共济) to pay for them" }
    DisplayedCodeOnline = "DISPLAYED_CODE_ONLINE" { "亲属代为展示的医保码只能在柜台使用", "线上结算请由患者本人出示医保码"; "a code that a relative shows pays only at a counter", "for an online bill the patient shows their own code" }

    // ---- money into a pool, or from wallet to wallet
    PoolNotOffered = "POOL_NOT_OFFERED" { "当地没有家庭共济账户", "请按当地方式办理"; "this place has no family pool", "use the way this place offers" }
    PoolMonthUsed = "POOL_MONTH_USED" { "本月划入家庭共济账户的次数已用完", "请下月再划入"; "this month's transfers into the pool are used up", "transfer again next month" }
    PoolKeepsRest = "POOL_KEEPS_REST" { "只有超过当地保留额的部分可划入家庭共济账户", "请减少划入金额"; "only what is above the amount that must stay can be moved into the pool", "move less" }
    WalletNotOffered = "WALLET_NOT_OFFERED" { "医保钱包尚未在当地开通", "可咨询当地医保经办机构"; "the wallet is not open in this place", "ask the agency" }
    WalletClosed = "WALLET_CLOSED" { "夜间不办理医保钱包转账", "请在开放时间办理"; "wallets are closed at night", "transfer when they are open" }
    WalletDayUsed = "WALLET_DAY_USED" { "今日医保钱包转账次数已用完", "请明日再办理"; "today's transfers of this wallet are used up", "transfer again tomorrow" }
    WalletTooMuch = "WALLET_TOO_MUCH" { "超过医保钱包单笔限额", "请分次转账"; "the amount is above the most of one transfer", "split it" }

    // ---- mandates
    MandateUnknown = "MANDATE_UNKNOWN" { "无此共济授权", "请核对编号"; "there is no such mandate", "check the binding id" }
    MandateRevoked = "MANDATE_REVOKED" { "共济授权已撤销", "如需使用请重新绑定"; "the mandate has been revoked", "bind again to use it" }
    MandatePaused = "MANDATE_PAUSED" { "共济授权已暂停", "授权人可随时恢复"; "the mandate is paused", "the contributor can resume it" }
    MandateNotPaused = "MANDATE_NOT_PAUSED" { "共济授权未暂停", "无需恢复"; "the mandate is not paused", "nothing needs doing" }
    MandateBusy = "MANDATE_BUSY" { "上一次更改正在生效", "请稍后重试"; "an earlier change is still taking effect", "try again in a moment" }
    MandateVersionStale = "MANDATE_VERSION_STALE" { "授权内容已被更改", "请刷新后再改"; "the mandate has changed since you read it", "read it again" }
    ValidityInvalid = "VALIDITY_INVALID" { "有效期起止日期不正确", "截止日期不得早于起始日期"; "the validity ends before it begins", "give a last day that is not before the first" }
    InstitutionCodeInvalid = "INSTITUTION_CODE_INVALID" { "定点机构编码不正确", "编码为 1 至 12 位字母或数字"; "the code of the institution is not valid", "it has 1 to 12 letters and digits" }
    LimitInvalid = "LIMIT_INVALID" { "限额不正确", "限额须为正数"; "a limit must be above zero", "leave it out for no limit, or pause the mandate" }
    RankInvalid = "RANK_INVALID" { "顺位不正确", "顺位从 1 开始"; "the rank is not valid", "ranks begin at 1" }
    RankSetByOther = "RANK_SET_BY_OTHER" { "当地规定顺位由另一方设定", "请由另一方调整顺位"; "here the other side sets the rank", "ask them to set it" }

    // ---- credentials
    CredentialUnknown = "CREDENTIAL_UNKNOWN" { "就诊凭证无法识别", "请患者重新出示医保码或卡"; "the credential is not known", "ask the patient to show their code or card again" }
    CredentialExpired = "CREDENTIAL_EXPIRED" { "医保电子凭证已过期", "请患者刷新医保码"; "the e-credential has expired", "ask the patient to refresh the code" }
    CredentialUsed = "CREDENTIAL_USED" { "该医保电子凭证已用于另一笔结算", "请患者刷新医保码"; "this e-credential already paid another bill", "ask the patient to refresh the code" }
    CredentialNotThePatients = "CREDENTIAL_NOT_THE_PATIENTS" { "凭证与就诊人员不一致", "必须使用患者本人的凭证"; "the credential is not the patient's", "only the patient's own credential opens a visit" }
    CredentialPurpose = "CREDENTIAL_PURPOSE" { "该凭证不能用于结算", "请患者出示用于结算的医保码"; "the credential was issued for another purpose", "ask for a code for settlement" }

    // ---- settling
    SyncPending = "SYNC_PENDING" { "人员或授权信息同步中", "请稍后用同一报文重试"; "the person or the mandate has not arrived here yet", "send the same request again shortly" }
    MsgidMalformed = "MSGID_MALFORMED" { "msgid 格式不正确", "机构编码、时间和流水号共不超过 30 位"; "the msgid is malformed", "it is the institution's code, the time and a serial number, at most 30 characters" }
    MsgidReused = "MSGID_REUSED" { "同一 msgid 的报文内容不一致", "新业务请使用新的 msgid"; "this msgid was used for a different request", "use a new msgid for a new request" }
    InstitutionUnknown = "INSTITUTION_UNKNOWN" { "定点医药机构未登记", "请联系医保经办机构"; "the institution is not registered", "ask the agency to register it" }
    InstitutionMismatch = "INSTITUTION_MISMATCH" { "报文中的机构与令牌不一致", "请核对 fixmedins_code"; "the institution of the message is not the caller", "check fixmedins_code" }
    SandboxMixed = "SANDBOX_MIXED" { "测试机构与正式参保人不能混用", "测试请使用测试人员，正式业务请使用正式机构"; "a test institution met a real person, or the other way round", "use test people with test institutions only" }
    AccountFrozen = "ACCOUNT_FROZEN" { "个人账户已冻结", "请联系医保经办机构"; "the account is frozen", "ask the agency" }
    SettlementUnknown = "SETTLEMENT_UNKNOWN" { "无此结算记录", "请核对结算编号"; "there is no such settlement", "check the settlement id" }
    SettlementCancelled = "SETTLEMENT_CANCELLED" { "该结算已撤销", "无需重复撤销"; "the settlement was already cancelled", "nothing needs doing" }
    SettlementRefunded = "SETTLEMENT_REFUNDED" { "该结算已全部退费", "无可退金额"; "all of the settlement was given back already", "nothing is left to give back" }
    RefundAboveRest = "REFUND_ABOVE_REST" { "退费金额超过剩余可退金额", "请核对已退金额"; "the refund is larger than what is left of the bill", "check what was given back before" }
    RefundLineUnknown = "REFUND_LINE_UNKNOWN" { "原结算没有该费用明细", "请核对 feedetl_sn"; "the bill has no such fee line", "check the line number" }
    RefundOfRefund = "REFUND_OF_REFUND" { "退费或撤销记录不能再退", "请填写原结算编号"; "a refund or cancellation cannot be given back", "name the original settlement" }
    RefundAfterUnbindRefused = "REFUND_AFTER_UNBIND_REFUSED" { "共济关系已解除，当地规定不得退费", "请联系医保经办机构"; "the binding has ended, and this place refuses refunds after that", "ask the agency" }
    MessageNotYours = "MESSAGE_NOT_YOURS" { "该报文属于另一机构", "只能冲正本机构发出的报文"; "the message is another institution's", "reverse only what you sent" }
    MessageReversed = "MESSAGE_REVERSED" { "该报文在到达前已被冲正", "新业务请使用新的 msgid"; "this message was reversed before it arrived", "send new business under a new msgid" }
    MessageNotReversible = "MESSAGE_NOT_REVERSIBLE" { "该报文不能冲正，或原交易编号不符", "请核对 omsgid 和 oinfno"; "the message cannot be reversed, or it was of another kind", "check omsgid and oinfno" }
    RefundStands = "REFUND_STANDS" { "退费或撤销已生效，不能冲正", "如需收费请重新结算"; "a refund or cancellation that took effect is not taken back", "settle the bill again" }
    ReplacedPartlyRefunded = "REPLACED_PARTLY_REFUNDED" { "原结算已部分退费，不能整笔替换", "请继续按部分退费办理"; "a part of the settlement to be replaced has come back already", "refund what else comes back" }
    ReplacedOtherPatient = "REPLACED_OTHER_PATIENT" { "原结算不是该患者的", "请核对原结算编号和患者凭证"; "the settlement to be replaced is another patient's", "check the settlement id and the credential" }
    SettlementNotYours = "SETTLEMENT_NOT_YOURS" { "该结算属于另一机构", "请由原机构办理"; "the settlement belongs to another institution", "only that institution can do this" }
    NeverDecided = "NEVER_DECIDED" { "该报文尚无处理结果", "请用同一 msgid 重发原报文，得到结果前不要收取现金"; "nothing has been decided under this msgid", "send the same message again, and take no cash before it is answered" }
    UsageProhibited = "USAGE_PROHIBITED" { "该用途不得使用个人账户", "公共卫生、体育健身、养生保健费用不在支付范围"; "no personal account may pay for this use", "public health, fitness and wellness are excluded everywhere" }
    AllocationContradicts = "ALLOCATION_CONTRADICTS" { "同一划入编号的内容不一致", "请核对划入记录"; "this allocation id was used for other content", "check the allocation" }

    // ---- quotes and holds
    QuoteUnknown = "QUOTE_UNKNOWN" { "无此试算记录", "请重新试算"; "there is no such quote", "ask for a new one" }
    QuoteExpired = "QUOTE_EXPIRED" { "试算结果已过期", "请重新试算"; "the quote has expired", "ask for a new one" }
    QuoteNotYours = "QUOTE_NOT_YOURS" { "该试算属于另一机构", "请由原机构结算，或重新试算"; "the quote was given to another institution", "ask for one of your own" }
    QuoteOtherBill = "QUOTE_OTHER_BILL" { "账单与试算时不一致", "请按现在的账单重新试算"; "the bill is not the one that was quoted", "ask for a quote on this bill" }
    HoldUnknown = "HOLD_UNKNOWN" { "无此预留记录", "请核对预留编号"; "there is no such hold", "check the hold id" }
    HoldNotYours = "HOLD_NOT_YOURS" { "该预留属于另一机构", "请由原机构办理"; "the hold belongs to another institution", "only that institution can do this" }
    HoldExpired = "HOLD_EXPIRED" { "预留已过期，款项已放回", "请重新预留"; "the hold has expired and its money is free again", "place a new one" }
    HoldCaptured = "HOLD_CAPTURED" { "该预留已结算", "如需退回请撤销结算"; "the hold was already captured", "cancel or refund its settlement instead" }
    HoldReleased = "HOLD_RELEASED" { "该预留已放回", "请重新预留"; "the hold was already released", "place a new one" }
    HoldRejected = "HOLD_REJECTED" { "该预留未获批准，没有预留款项", "请按拒绝原因处理后重新预留"; "the hold was declined and holds nothing", "place a new one once its reason is gone" }
    CaptureAboveHold = "CAPTURE_ABOVE_HOLD" { "结算金额超过预留的账单", "请放回后按新的账单预留"; "more is to be captured than the bill that the hold was placed for", "release it and place one for the new bill" }
    HoldTooLong = "HOLD_TOO_LONG" { "预留时间不正确", "预留时间为 1 秒至 24 小时"; "a hold cannot last that long", "ask for one second to 24 hours" }
    // ---- premiums that relatives pay
    InstitutionNotAgency = "INSTITUTION_NOT_AGENCY" { "该机构不是征缴保费的经办机构", "请填写经办机构编码"; "the institution collects no premiums", "name the agency that does" }
    PremiumYearInvalid = "PREMIUM_YEAR_INVALID" { "参保年度不正确", "只能缴纳本年度或下一年度的保费"; "the insurance year is not one that can be paid now", "pay for this year or the next" }
    PremiumAlreadyPaid = "PREMIUM_ALREADY_PAID" { "该参保人该年度的保费已缴纳", "无需重复缴纳"; "this person's premium of this year is paid already", "nothing needs doing" }
    PremiumNotCovered = "PREMIUM_NOT_COVERED" { "授权人账户不足以全额缴纳保费，未扣款", "余额到账或调整限额后，换新的批次号重新提交"; "the contributor's account does not cover the whole premium, and nothing was taken", "once money came or the limit is raised, send the row in a new batch" }
    PremiumRowContradicts = "PREMIUM_ROW_CONTRADICTS" { "同一批次同一行此前提交的内容不同", "请改回原内容，或使用新的行号"; "this row of this batch was sent before with other content", "send it as it was, or under another row id" }
    // ---- accounts, allocations and the turn of the year
    AccountUnknown = "ACCOUNT_UNKNOWN" { "无此个人账户", "请核对账户编号"; "there is no such personal account", "check the account id" }
    AccountClosed = "ACCOUNT_CLOSED" { "个人账户已注销", "请联系医保经办机构"; "the account is closed", "ask the agency" }
    AccountHeld = "ACCOUNT_HELD" { "个人账户有预留未结束", "待预留确认、释放或到期后再注销"; "money of the account is set aside by open holds", "close it once they were captured, released or have expired" }
    TaskUnknown = "TASK_UNKNOWN" { "无此待办事项", "请核对事项编号"; "there is no such task", "check the task id" }
    TaskClosed = "TASK_CLOSED" { "该事项已办结", "请查看办结说明"; "the task has been closed", "read what became of it" }
    AccountOwes = "ACCOUNT_OWES" { "个人账户为负数", "补足后才能注销"; "the account is below zero", "it can be closed once the debt is settled" }
    BalanceTooLow = "BALANCE_TOO_LOW" { "余额不足，更正后将为负数", "请核对更正金额"; "the correction would take the account below zero", "check the amount: only clearing may do that" }
    RegionYearEndInProgress = "REGION_YEAR_END_IN_PROGRESS" { "参保地正在年终结转", "请稍后用同一报文重试"; "the place of insurance is closing its year", "send the same request again when it is over" }
    PeriodClosed = "PERIOD_CLOSED" { "该期间所属年度已结转", "请通过更正办理"; "the year of this period has been closed", "have it corrected by two operators" }
    MedicalYearNotOpen = "MEDICAL_YEAR_NOT_OPEN" { "账户尚未结转到该年度", "请先完成参保地的年终结转再导入"; "the account has not been rolled over into the year of this period", "finish the year end of the region, then send it again" }
    MedicalYearNotOver = "MEDICAL_YEAR_NOT_OVER" { "该医保年度尚未结束", "年度结束后办理"; "the medical year is not over", "close it after its last day" }
    MedicalYearDiffers = "MEDICAL_YEAR_DIFFERS" { "下辖统筹区的医保年度起点不同", "请按统筹区分别结转"; "a place inside the region begins its medical year on another day", "close that place by itself" }
    YearEndUnknown = "YEAR_END_UNKNOWN" { "该地区没有此年度的年终结转", "请先开始年终结转"; "no year end of this region and year was begun", "begin it first" }
    YearEndContradicts = "YEAR_END_CONTRADICTS" { "与已开始的年终结转不一致", "请核对地区、年度和利率"; "another year end of this region contradicts this one", "check region, year and rate" }
    YearEndFinished = "YEAR_END_FINISHED" { "该年度的年终结转已完成", "无需重复办理"; "this year end is finished", "nothing needs doing" }
    YearEndUnfinished = "YEAR_END_UNFINISHED" { "尚有账户未结转", "请继续结转"; "accounts are left to be rolled over", "go on rolling over" }
    InterestRateInvalid = "INTEREST_RATE_INVALID" { "利率不正确", "以万分之一为单位，0 至 10000"; "the interest rate is not valid", "give basis points, 0 to 10000" }
    CorrectionUnknown = "CORRECTION_UNKNOWN" { "无此更正", "请核对编号"; "there is no such correction", "check the id" }
    CorrectionDecided = "CORRECTION_DECIDED" { "该更正已有结论", "无需重复办理"; "the correction was decided already", "look at its state" }
    SameOperator = "SAME_OPERATOR" { "更正须由另一名经办人员复核", "请由另一人办理"; "a correction is decided by another operator than the one who proposed it", "ask a colleague" }
    AllocationRuleMissing = "ALLOCATION_RULE_MISSING" { "当地没有可用的划入规则", "请直接给出金额"; "no rule here computes this allocation", "give the amount itself" }

    // ---- statements
    PeriodNotBegun = "PERIOD_NOT_BEGUN" { "所查时间尚未到来", "请选择当前或更早的时间"; "the time asked for has not come yet", "ask for the present or the past" }
    RangeInverted = "RANGE_INVERTED" { "起始日期晚于截止日期", "请核对起止日期"; "the first day is after the last one", "check the two days" }
    TaxRuleMissing = "TAX_RULE_MISSING" { "该年度没有大病医疗专项附加扣除规定", "请选择 2019 年及以后的年度"; "no rule of the deduction for serious illness covers this year", "ask for 2019 or later" }
    // ---- reconciliation
    ReconciliationDaysInvalid = "RECONCILIATION_DAYS_INVALID" { "对账起止日期不正确", "起始日期不得晚于截止日期，最多 31 天"; "the days to reconcile are not valid", "begin on or before the last day, and take at most 31 days" }

    // ---- the pooled fund
    BenefitSuspended = "BENEFIT_SUSPENDED" { "参保状态异常，统筹基金暂不支付", "恢复正常参保后可用"; "the insurance is not in normal standing, so the pooled fund pays nothing", "it pays again once the standing is normal" }
    BenefitNotCovered = "BENEFIT_NOT_COVERED" { "当地门诊统筹待遇不包括本次就诊", ""; "the pooled fund of this place does not cover such a visit", "" }
    FundCapReached = "FUND_CAP_REACHED" { "本年度统筹基金支付已达上限", "新医疗年度重新计算"; "the pooled fund has paid as much as it pays in a year", "the next medical year starts anew" }
    TreatmentNotFiled = "TREATMENT_NOT_FILED" { "异地就医未备案，统筹基金降低支付", "请办理异地就医备案"; "a treatment outside the insured region was not filed, so the pooled fund pays less", "file treatments elsewhere beforehand" }
    ItemNotInCatalogue = "ITEM_NOT_IN_CATALOGUE" { "项目不在医保目录内，按全自费处理", "请核对医保目录编码"; "an item is not in the catalogue and counts as own expense", "check its code" }
    LinesMissing = "LINES_MISSING" { "未上传费用明细，按全自费处理", "请上传费用明细"; "a bill without fee lines counts as own expense", "send its lines" }
    ShareInvalid = "SHARE_INVALID" { "比例不正确", "比例在 0 和 1 之间，最多四位小数"; "a share does not lie between 0 and 1", "write it with at most four decimals" }
    CatalogueContradicts = "CATALOGUE_CONTRADICTS" { "同一项目同一日期有两条不同的目录记录", "请保留一条"; "two rows say different things of one item and day", "keep one of them" }

    // ---- why a payer gave what it gave
    Taken = "TAKEN" { "已支付", ""; "paid", "" }
    NothingLeftToPay = "NOTHING_LEFT_TO_PAY" { "账单已付清", ""; "the bill was already covered", "" }
    BalanceZero = "CONTRIBUTOR_BALANCE_ZERO" { "可用余额为零", "余额到账后可用"; "there is no usable balance", "it works once money is credited" }
    OwnBalanceZero = "OWN_BALANCE_ZERO" { "本人账户可用余额为零", ""; "the own account has no usable balance", "" }
    BelowFloor = "BELOW_RESERVE_FLOOR" { "余额未超过当地保留额", "超过保留额的部分才能共济"; "the balance does not exceed what must stay in the account", "only what is above the floor can be used" }
    BelowStartingMinimum = "BELOW_STARTING_MINIMUM" { "余额未达到当地起用额", "余额达到起用额后可用"; "the balance is below the least that aid starts from", "it works once the balance reaches it" }
    OwnBalanceNotExhausted = "OWN_BALANCE_NOT_EXHAUSTED" { "本人账户尚有余额", "用完本人账户后才能使用共济"; "the patient's own account still has money", "aid starts when it is used up" }
    AnotherContributorChosen = "ANOTHER_CONTRIBUTOR_CHOSEN" { "当地每次结算只使用一名授权人", ""; "here one contributor pays per bill, and another was chosen", "" }
    UsageNotCovered = "USAGE_NOT_COVERED" { "当地共济不包括该用途", ""; "aid does not cover this use here", "" }
    UsageNotInMandate = "USAGE_NOT_IN_MANDATE" { "授权不包括该用途", "授权人可修改授权范围"; "the mandate does not cover this use", "the contributor can add it" }
    PlaceNotInMandate = "PLACE_NOT_IN_MANDATE" { "授权不包括该定点机构", "授权人可修改授权范围"; "the mandate does not cover this institution", "the contributor can add it" }
    MandateNotYetValid = "MANDATE_NOT_YET_VALID" { "授权尚未到起始日期", "请在起始日期后使用"; "the mandate is not valid yet", "use it from its first day" }
    MandateExpired = "MANDATE_EXPIRED" { "授权已过有效期", "授权人可延长有效期"; "the validity of the mandate is over", "the contributor can extend it" }
    LimitPerTransaction = "LIMIT_PER_TRANSACTION" { "已达单次限额", "授权人可调整限额"; "the limit per transaction is reached", "the contributor can raise it" }
    LimitPerDay = "LIMIT_PER_DAY" { "已达当日限额", "授权人可调整限额"; "the limit of this day is reached", "the contributor can raise it" }
    LimitPerMonth = "LIMIT_PER_MONTH" { "已达当月限额", "授权人可调整限额"; "the limit of this month is reached", "the contributor can raise it" }
    LimitPerYear = "LIMIT_PER_YEAR" { "已达年度限额", "授权人可调整限额"; "the limit of this year is reached", "the contributor can raise it" }
    LimitTotal = "LIMIT_TOTAL" { "已达累计限额", "授权人可调整限额"; "the limit for all bills together is reached", "the contributor can raise it" }
    LimitShare = "LIMIT_SHARE" { "已达单次支付比例上限", "授权人可调整比例"; "the largest share for one bill is reached", "the contributor can raise it" }
    NotYetEffective = "NOT_YET_EFFECTIVE" { "共济关系尚未生效", "请在生效日期后使用"; "the binding is not in effect yet", "use it from its effective date" }
    BindingEnding = "BINDING_ENDING" { "共济关系正在解除", ""; "the binding is being ended", "" }
    AidDeclined = "AID_DECLINED" { "本次未使用共济", ""; "aid was not wanted for this bill", "" }
    AccountNotUsed = "ACCOUNT_NOT_USED" { "本次不使用个人账户", "acct_used_flag 为 0"; "the request says that no account is to be used", "acct_used_flag is 0" }
    FullCoverNeeded = "FULL_COVER_NEEDED" { "余额须足以全额支付", "当地规定不得部分支付"; "the balance must cover the whole amount", "this place allows no part payment" }
    CashOnly = "CASH_ONLY" { "该部分只能现金支付", ""; "this part can be paid in cash only", "" }

    // ---- webhooks
    WebhooksOff = "WEBHOOKS_OFF" { "本系统未开通事件推送", "请管理员配置推送密钥"; "this installation sends no webhooks", "give it a key for them in its settings" }
    WebhookAddressRefused = "WEBHOOK_ADDRESS_REFUSED" { "推送地址不符合要求", "请使用公网 https 地址"; "the address of the webhook cannot be used", "give a public https address" }
    WebhookUnknown = "WEBHOOK_UNKNOWN" { "无此推送订阅", "请核对编号"; "there is no such webhook", "check the id" }
    WebhookRotated = "WEBHOOK_ROTATED" { "推送密钥已被更换", "请刷新后再换"; "the secret has been rotated since you read it", "read the webhook again" }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// A refusal: the reason, and which field or value it is about. It never holds a name, an ID number or a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// The field and value it is about, in any language: `medfee_sumamt = 1.234`.
    pub about: Option<String>,
}

impl Refusal {
    /// A refusal that names the field or value it is about.
    pub fn about(reason: Reason, what: impl Into<String>) -> Self {
        Self {
            reason,
            about: Some(what.into()),
        }
    }

    /// The sentence for people, in Chinese.
    pub fn zh(&self) -> String {
        let about = self
            .about
            .as_ref()
            .map(|about| format!("（{about}）"))
            .unwrap_or_default();
        match self.reason.zh_cure() {
            "" => format!("{}{about}。", self.reason.zh()),
            cure => format!("{}{about}，{cure}。", self.reason.zh()),
        }
    }

    /// The sentence for people, in English.
    pub fn en(&self) -> String {
        let about = self
            .about
            .as_ref()
            .map(|about| format!(" ({about})"))
            .unwrap_or_default();
        match self.reason.en_cure() {
            "" => format!("{}{about}", self.reason.en()),
            cure => format!("{}{about}: {cure}", self.reason.en()),
        }
    }
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self {
            reason,
            about: None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.en())
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_reason_has_its_own_code_and_both_languages() {
        let codes: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            assert_eq!(Reason::from_code(reason.code()), Some(*reason));
            assert!(
                !reason.zh().is_empty() && !reason.en().is_empty(),
                "{reason}"
            );
            assert_eq!(
                reason.zh_cure().is_empty(),
                reason.en_cure().is_empty(),
                "{reason}"
            );
            assert!(
                reason
                    .code()
                    .bytes()
                    .all(|byte| byte.is_ascii_uppercase() || byte == b'_'),
                "{reason}"
            );
        }
    }

    #[test]
    fn a_refusal_reads_as_a_sentence_with_its_cure() {
        let refusal = Refusal::about(Reason::AmountMalformed, "medfee_sumamt = 1.234");
        assert_eq!(
            refusal.zh(),
            "金额格式不正确（medfee_sumamt = 1.234），金额以元为单位，最多两位小数。"
        );
        assert!(
            refusal
                .en()
                .ends_with("(medfee_sumamt = 1.234): write it like 12.30")
        );
    }
}
