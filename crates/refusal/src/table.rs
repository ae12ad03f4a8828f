//! The status code and the messages of each reason. The compiler requires a row for every reason.

use tonic::Code;

use crate::reason::ErrorReason;

pub(super) struct Entry {
    pub(super) code: Code,
    pub(super) japanese: &'static str,
    pub(super) english: &'static str,
}

const fn row(code: Code, japanese: &'static str, english: &'static str) -> Entry {
    Entry {
        code,
        japanese,
        english,
    }
}

#[allow(clippy::too_many_lines, reason = "a table")]
pub(super) fn entry(reason: ErrorReason) -> Entry {
    match reason {
        ErrorReason::InvalidField => row(
            Code::InvalidArgument,
            "入力内容に誤りがあります。ご確認ください。",
            "Something in the request is missing or malformed.",
        ),
        ErrorReason::LoginRefused => row(
            Code::Unauthenticated,
            "ログインできませんでした。電話番号とパスワードをご確認ください。仮パスワードは{temporary_attempts}回、パスワードは{permanent_attempts}回続けて誤ると使えなくなります。その場合は、お電話で仮パスワードを設定し直してください。",
            "The login was refused. Check the telephone number and the password. A temporary password stops working after {temporary_attempts} wrong attempts in a row, a permanent one after {permanent_attempts}; the way back is a new temporary password by telephone.",
        ),
        ErrorReason::SessionRequired => row(
            Code::Unauthenticated,
            "ログインしてください。",
            "Log in first.",
        ),
        ErrorReason::SessionEnded => row(
            Code::Unauthenticated,
            "ログインの有効期間が終わりました。もう一度ログインしてください。",
            "The session has ended. Log in again.",
        ),
        ErrorReason::PasswordChangeRequired => row(
            Code::FailedPrecondition,
            "先にパスワードを変更してください。",
            "Change the password first.",
        ),
        ErrorReason::OutOfScope => row(
            Code::PermissionDenied,
            "この電話番号の設定は変更できません。",
            "This session may not change the settings of that number.",
        ),
        ErrorReason::PasswordWrong => row(
            Code::PermissionDenied,
            "入力されたパスワードが違います。",
            "The password is wrong.",
        ),
        ErrorReason::PasswordDead => row(
            Code::FailedPrecondition,
            "使用できるパスワードがありません。お電話で仮パスワードを設定してください。",
            "There is no password that works any more. Set a new temporary password by telephone.",
        ),
        ErrorReason::PasswordPolicy => row(
            Code::InvalidArgument,
            "新しいパスワードは{min_length}～{max_length}文字の半角英数字で、推測されにくいものを入力してください。数字だけのものは使用できません。",
            "The new password must have {min_length} to {max_length} half-width letters and digits, not digits alone, and be hard to guess.",
        ),
        ErrorReason::PasswordMismatch => row(
            Code::InvalidArgument,
            "新しいパスワードが確認用の入力と一致しません。",
            "The two entries of the new password differ.",
        ),
        ErrorReason::PasswordReused => row(
            Code::InvalidArgument,
            "現在または前回と同じパスワードは使用できません。",
            "The new password must differ from the current and the last one.",
        ),
        ErrorReason::StaleView => row(
            Code::Aborted,
            "別の画面で変更が行われました。表示し直してからもう一度お試しください。",
            "Something was changed elsewhere. Look again before you change it.",
        ),
        ErrorReason::ChangedMeanwhile => row(
            Code::Aborted,
            "ほかの変更が先に行われたため、変更できませんでした。",
            "Another change came first; nothing was changed by this one.",
        ),
        ErrorReason::TooManyAttempts => row(
            Code::ResourceExhausted,
            "試行回数が多すぎます。しばらくしてからもう一度お試しください。",
            "Too many attempts. Try again later.",
        ),
        ErrorReason::Overloaded => row(
            Code::ResourceExhausted,
            "ただいま混み合っています。しばらくしてからもう一度お試しください。",
            "The service is busy. Try again shortly.",
        ),
        ErrorReason::Unavailable => row(
            Code::Unavailable,
            "ただいまご利用いただけません。しばらくしてからもう一度お試しください。",
            "The service is not available at the moment. Try again shortly.",
        ),
        ErrorReason::DeadlineExceeded => row(
            Code::DeadlineExceeded,
            "時間内に処理が終わりませんでした。",
            "The deadline passed.",
        ),
        ErrorReason::CallerNotAllowed => row(
            Code::PermissionDenied,
            "この操作は許可されていません。",
            "This caller may not call this method.",
        ),
        ErrorReason::OriginNotAllowed => row(
            Code::PermissionDenied,
            "このページからの操作は許可されていません。",
            "This origin may not act here.",
        ),
        ErrorReason::CallUnknown => row(
            Code::NotFound,
            "通話が見つかりません。おかけ直しください。",
            "No such call is in progress.",
        ),
        ErrorReason::CallOutOfOrder => row(
            Code::FailedPrecondition,
            "通話の順序が正しくありません。",
            "The turn is out of order.",
        ),
        ErrorReason::CallerRefused => row(
            Code::FailedPrecondition,
            "この電話からは受け付けできません。",
            "A call from this telephone cannot be accepted.",
        ),
        ErrorReason::TargetRefused => row(
            Code::InvalidArgument,
            "ご指定の内容では設定できません。",
            "The password cannot be set for that unit and number.",
        ),
        ErrorReason::LineNotFound => row(
            Code::NotFound,
            "回線が見つかりません。",
            "No line has this number.",
        ),
        ErrorReason::NumberTaken => row(
            Code::AlreadyExists,
            "電話番号はすでに登録されています。",
            "A number is on a line already.",
        ),
        ErrorReason::MigrationNotOffered => row(
            Code::FailedPrecondition,
            "ご指定の認証単位への変更は、このサイトではできません。",
            "This site does not offer that change of the authentication unit.",
        ),
        ErrorReason::LineTooLarge => row(
            Code::FailedPrecondition,
            "この回線は電話番号が多いため、このサイトでは認証単位を変更できません。お問い合わせ窓口へご連絡ください。",
            "This line has too many numbers to change its authentication unit on this site. Please contact support.",
        ),
        ErrorReason::AccountsNotReady => row(
            Code::FailedPrecondition,
            "パスワードが設定されていない、または使用できなくなった電話番号があります。お電話で仮パスワードを設定し、ログインしてパスワードを変更してから、もう一度お試しください。",
            "Some numbers have no permanent password that works. Set a temporary password for each by telephone, log in with it and change it, then try again.",
        ),
        ErrorReason::LineClosed => row(
            Code::FailedPrecondition,
            "回線は廃止されているため、変更できません。",
            "The line is closed; nothing on it can be changed.",
        ),
        ErrorReason::ContractNumberStays => row(
            Code::FailedPrecondition,
            "ご契約電話番号は回線から外せません。",
            "The contract number names the line and cannot leave it.",
        ),
        ErrorReason::Unspecified | ErrorReason::Internal => row(
            Code::Internal,
            "内部エラーが発生しました。",
            "An internal error occurred.",
        ),
    }
}
