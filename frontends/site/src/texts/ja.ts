// Every text of the site, in Japanese. Each language has one file, which a translator can edit. `en.ts` must have the
// same keys.

import type { Reason } from "../api/failure";
import type { Policy, Rule } from "../password/policy";

const reasons: Record<Reason, string> = {
  INVALID_FIELD: "入力内容に誤りがあります。ご確認ください。",
  LOGIN_REFUSED:
    "ログインできませんでした。電話番号とパスワードをご確認ください。続けて誤るとパスワードは使えなくなります。その場合は、お電話で仮パスワードを設定し直してください。",
  SESSION_REQUIRED: "ログインしてください。",
  SESSION_ENDED: "ログインの有効期間が終わりました。もう一度ログインしてください。",
  PASSWORD_CHANGE_REQUIRED: "先にパスワードを変更してください。",
  PASSWORD_WRONG: "入力されたパスワードが違います。もう一度入力してください。",
  PASSWORD_DEAD: "使用できるパスワードがありません。お電話で仮パスワードを設定してください。",
  PASSWORD_POLICY: "新しいパスワードが条件を満たしていません。下の条件をご確認ください。",
  PASSWORD_MISMATCH: "確認用の入力が新しいパスワードと一致しません。",
  PASSWORD_REUSED: "現在または前回と同じパスワードは使用できません。別のパスワードを入力してください。",
  STALE_VIEW:
    "この画面を開いたあとに、別の画面で変更が行われました。まだ何も変更していません。表示を最新にしましたので、内容を確かめてからもう一度お試しください。",
  CHANGED_MEANWHILE:
    "ほかの変更が先に行われたため、変更しませんでした。内容を確かめてからもう一度お試しください。",
  TOO_MANY_ATTEMPTS: "試行回数が多すぎます。しばらくしてからもう一度お試しください。",
  OVERLOADED: "ただいま混み合っています。しばらくしてからもう一度お試しください。",
  UNAVAILABLE: "ただいまご利用いただけません。しばらくしてからもう一度お試しください。",
  DEADLINE_EXCEEDED: "時間内に応答がありませんでした。もう一度お試しください。",
  ORIGIN_NOT_ALLOWED: "このページからの操作は許可されていません。設定サイトを開き直してください。",
  MIGRATION_NOT_OFFERED: "現在の認証単位から、その認証単位へは変更できません。",
  ACCOUNTS_NOT_READY:
    "パスワードが設定されていない電話番号があるため、まだ変更できません。お電話で仮パスワードを設定し、パスワードに変更してから、もう一度お試しください。",
  LINE_TOO_LARGE:
    "この回線は電話番号が多いため、このサイトでは認証単位を変更できません。お問い合わせ窓口へご連絡ください。",
  INTERNAL: "エラーが発生しました。しばらくしてからもう一度お試しください。",
  OFFLINE: "インターネットに接続されていません。接続を確かめてから、もう一度お試しください。",
  COOKIES_BLOCKED:
    "ブラウザーの設定で Cookie がブロックされているため、ログインを続けられません。このサイトの Cookie を許可してから、もう一度ログインしてください。",
  UNREACHABLE: "サーバーにつながりませんでした。接続を確かめてから、もう一度お試しください。",
};

const rules: Record<Rule, (policy: { min: number; max: number }) => string> = {
  LENGTH: ({ min, max }) => `${min}～${max}文字`,
  CHARACTERS: () => "半角の英字と数字だけ（大文字と小文字は区別されます）",
  DIGITS_ONLY: () => "数字だけにしない（英字を1文字以上）",
  DIFFERENT: () => "現在のパスワードと違うもの",
  COMMON: () => "よく使われるパスワードではないもの（変更するときに確かめます）",
};

export const ja = {
  name: "設定サイト",
  product: "合鍵",
  skip: "本文へ進む",
  otherLanguage: "English",
  footer: "このサイトは、お客さまの電話サービスの設定を守るためのものです。",
  reasons,
  common: {
    logIn: "ログイン",
    logOut: "ログアウト",
    back: "戻る",
    tryAgain: "もう一度試す",
    tryAgainIn: (seconds: number) => `約${seconds}秒後にもう一度お試しください。`,
    working: "お待ちください…",
    loading: "読み込んでいます…",
    show: "表示",
    hide: "隠す",
    showField: (field: string) => `${field}を表示する`,
    capsLock: "Caps Lock がオンになっています。",
    stray: {
      space: "パスワードに空白（スペース）が入っています。取り除いてください。まだ送信していません。",
      wide: "パスワードに全角の文字が入っています。半角で入力してください。まだ送信していません。",
      symbol: "パスワードに使われるのは、半角の英字と数字だけです。まだ送信していません。",
    },
    problems: "ご確認ください",
    kept: "入力された内容はそのまま残っています。",
    steps: "手順",
  },
  offline: {
    now: "インターネットに接続されていません。入力した内容はこの画面に残っています。",
    again: "インターネットにつながりました。",
  },
  welcome: {
    title: "ようこそ",
    heading: "電話の設定を、ご自分の手で。",
    lead: "このサイトでは、ご契約の電話サービスの設定を変更できます。はじめての方は、まずお電話で仮パスワードを設定してください。",
    start: "ログインする",
    how: "はじめての方・パスワードをお忘れの方",
    howLead: "ご契約の電話から、お電話1回で仮パスワードを設定できます。",
    steps: (policy: Policy | undefined) => [
      {
        title: "設定番号に電話する",
        text: "先に、下の「認証単位の選び方」から設定する認証単位を決めてください。ご契約の回線の電話から、電話番号を通知して設定番号におかけください。",
      },
      {
        title: "認証単位を選ぶ",
        text: "ガイダンスに従って、だれがログインするかを 1・2・3 のボタンで選びます。",
      },
      {
        title: "8桁の仮パスワードを2回押す",
        text: "お好きな数字8桁を入力し、確認のためもう一度入力します。",
      },
      {
        title: policy ? `${policy.temporaryHours}時間以内にログインする` : "ログインする",
        text: "電話番号と仮パスワードでログインし、新しいパスワードに変更すると完了です。",
      },
    ],
    wrongKeys: (times: number) =>
      `お電話で同じ質問に${times}回誤って入力すると、通話が終わります。何も変わりませんので、はじめからおかけ直しください。`,
    units: "認証単位の選び方",
    note: "仮パスワードを設定すると、それまでのパスワードはすぐに使えなくなります。",
  },
  units: {
    UNSPECIFIED: { name: "未設定", about: "" },
    LINE: { name: "回線単位", about: "ご契約電話番号だけがログインし、すべての電話番号を設定します。" },
    NUMBER: { name: "電話番号単位", about: "電話番号ごとにログインし、その番号だけを設定します。" },
    ADMIN_USER: {
      name: "管理者／ユーザ単位",
      about: "ご契約電話番号は管理者としてすべてを、追加番号はユーザとしてその番号だけを設定します。",
    },
  },
  roles: {
    LINE: "回線のご契約者",
    NUMBER: "電話番号の利用者",
    ADMINISTRATOR: "管理者",
    USER: "ユーザ",
    UNSPECIFIED: "利用者",
  },
  login: {
    title: "ログイン",
    lead: "電話番号と、パスワードまたは仮パスワードを入力してください。",
    number: "電話番号",
    numberHint: "例：03-1234-5678。ハイフンはなくてもかまいません。",
    password: "パスワード",
    passwordHint: "仮パスワードは、お電話で設定した数字8桁です。",
    submit: "ログインする",
    numberMissing: "電話番号を入力してください。",
    numberWrong: "電話番号は、0から始まる10桁または11桁の数字で入力してください。",
    passwordMissing: "パスワードを入力してください。",
    needed: "このページを見るには、ログインしてください。",
    limits: ({ temporaryAttempts, permanentAttempts }: Policy) =>
      `仮パスワードは続けて${temporaryAttempts}回、パスワードは続けて${permanentAttempts}回誤ると使えなくなります。ブラウザーを閉じても、誤った回数は元に戻りません。`,
    temporaryEnds: ({ temporaryHours, invalidEntries }: Policy) =>
      `仮パスワードは、設定してから${temporaryHours}時間で使えなくなります。お電話での設定は、同じ質問に${invalidEntries}回誤って入力すると終わりますので、はじめからおかけ直しください。`,
    which: "入力する電話番号",
    whichOf: {
      LINE: "ご契約電話番号。追加番号だけが本サービスをご利用の場合も、ご契約電話番号です。",
      NUMBER: "設定を変更する電話番号。",
      ADMIN_USER: "すべての電話番号を設定する管理者は、ご契約電話番号。ユーザは、ご自分の追加番号。",
    },
    document: (name: string) => `ご契約電話番号は、お届けした「${name}」に記載されています。`,
    forgotten: "パスワードをお忘れの方・使えなくなった方",
    forgottenText: "お電話で仮パスワードを設定すると、すぐにログインできます。",
    forgottenLink: "仮パスワードの設定方法",
  },
  account: {
    title: "ホーム",
    hello: (number: string) => `${number} でログイン中`,
    who: "ログイン情報",
    account: "電話番号",
    role: "立場",
    unit: "認証単位",
    scope: "設定できる電話番号",
    noScope: "設定できる電話番号はありません。",
    security: "安全のための情報",
    lastLogin: "前回のログイン",
    never: "今回がはじめてです",
    wrong: "前回のログイン以降の誤入力",
    wrongCount: (count: number) => `${count}回`,
    wrongNotice: (count: number) =>
      `前回のログインのあと、パスワードの誤入力が${count}回ありました。お心当たりがないときは、パスワードを変更してください。`,
    expiry: "パスワードの有効期限",
    expiryDays: (days: number) => (days === 0 ? "24時間以内" : `あと${days}日`),
    expiryNotice: (days: number) =>
      days === 0
        ? "パスワードの有効期限まで24時間を切りました。変更をおすすめします。"
        : `パスワードの有効期限まであと${days}日です。変更をおすすめします。`,
    services: "設定できるサービス",
    servicesLead: "設定する電話番号を選んでください。",
    serviceOf: (name: string, number: string) => `${name}の設定 ${number}`,
    serviceNumbers: (count: number) => `${count}件の電話番号から選ぶ`,
    activity: "ログイン中の端末と最近の記録を見る",
    changePassword: "パスワードを変更する",
    changeUnit: "認証単位を変更する",
    unitFixed: "この認証単位は、このサイトでは変更できません。",
    changed: "パスワードを変更しました。次回からは新しいパスワードでログインしてください。",
    logoutFailed: "ログアウトできませんでした。もう一度お試しください。",
  },
  password: {
    title: "パスワードの変更",
    forcedTitle: "新しいパスワードの設定",
    lead: "現在のパスワードと、新しいパスワードを2回入力してください。",
    temporary: "仮パスワードでログインしています。ご利用の前に、新しいパスワードを設定してください。",
    whose: "パスワードを変更する電話番号：",
    expired: (days: number | undefined) =>
      `パスワードの有効期限${days ? `（${days}日）` : ""}が過ぎています。ご利用の前に、新しいパスワードを設定してください。`,
    current: "現在のパスワード",
    currentTemporary: "仮パスワード",
    next: "新しいパスワード",
    again: "新しいパスワード（確認）",
    submit: "パスワードを変更する",
    rules: "パスワードの条件",
    rule: rules,
    met: "満たしています",
    unmet: "まだ満たしていません",
    checkedLater: "変更するときに確かめます",
    tooCommon: "よく使われていて推測されやすいパスワードです。別のパスワードを入力してください。",
    currentMissing: "現在のパスワードを入力してください。",
    nextMissing: "新しいパスワードを入力してください。",
    againMissing: "確認のため、新しいパスワードをもう一度入力してください。",
    againDiffers: "確認用の入力が新しいパスワードと一致しません。",
    againMatches: "一致しています。",
    strength: "推測されにくさの目安",
    strengths: ["とても弱い", "弱い", "ふつう", "強い", "とても強い"],
    advice:
      "名前、誕生日、電話番号、よくある単語を避けると、推測されにくくなります。パスワードは定期的に変更してください。",
    validFor: (days: number) => `パスワードは、変更から${days}日間有効です。`,
    perhapsTitle: "変更できたかどうか確認できませんでした",
    perhaps:
      "応答が届かなかったため、パスワードが変更されたかどうか分かりません。まず新しいパスワードで、だめなら前のパスワードでログインしてください。",
    notDone:
      "応答は届きませんでしたが、パスワードは変更されていないことを確かめました。もう一度お試しください。",
    changedLogIn: "パスワードを変更しました。新しいパスワードでログインしてください。",
  },
  unit: {
    title: "認証単位の変更",
    lead: "だれがログインして設定するかを変更します。次の画面で内容を確かめるまで、何も変わりません。",
    now: "現在の認証単位",
    choose: "新しい認証単位",
    chooseMissing: "新しい認証単位を選んでください。",
    preview: "変更の内容を確かめる",
    checkTitle: "変更の確認",
    checkLead: "まだ何も変更していません。内容を確かめてから変更してください。",
    change: "変更の内容",
    after: "変更後にログインする電話番号",
    afterText: "どの電話番号も、いまログインしているパスワードでログインします。",
    scope: "設定できる電話番号",
    passwords: "パスワードの確認",
    passwordsText: (count: number) =>
      count === 1
        ? "変更するには、現在のパスワードを入力してください。続けて誤ると、そのパスワードは使えなくなります。"
        : `変更するには、次の${count}つの電話番号の、現在のパスワードをすべて入力してください。続けて誤ると、そのパスワードは使えなくなります。`,
    passwordOf: (number: string) => `${number} のパスワード`,
    own: "いまログインしている電話番号です。",
    passwordMissing: (number: string) => `${number} のパスワードを入力してください。`,
    passwordWrong: (number: string) => `${number} のパスワードが違います。`,
    passwordDead: (number: string) =>
      `${number} のパスワードは、続けて誤ったため使えなくなりました。お電話で仮パスワードを設定してください。`,
    passwordUnready: (number: string) => `${number} には、いま使えるパスワードがありません。`,
    unready: "まだ変更できません",
    unreadyText:
      "次の電話番号には、いま使えるパスワードがありません。それぞれの電話番号で、お電話で仮パスワードを設定し、このサイトで新しいパスワードに変更すると、認証単位を変更できます。",
    unreadyHow: "仮パスワードの設定方法",
    lookAgain: "もう一度確かめる",
    stillUnready: "確かめましたが、まだ使えるパスワードがない電話番号があります。",
    submit: "認証単位を変更する",
    reselect: "認証単位を選び直す",
    warning: "変更すると、この回線でログインしている人は全員ログアウトします。",
    over: "安全のため、ログインも終了しました。もう一度ログインしてください。",
    doneTitle: "認証単位を変更しました",
    done: "これからは、次の電話番号でログインしてください。パスワードはどれも、変更のときにログインしていたパスワードです。",
    tell: "同じ回線のほかの方にも、変わったことをお伝えください。パスワードは、ログインのあとにそれぞれで変更できます。",
    perhaps:
      "応答が届かなかったため、変更されたかどうか分かりません。もう一度ログインして、認証単位をご確認ください。",
    notDone: "応答は届きませんでしたが、まだ変更されていないことを確かめました。もう一度お試しください。",
  },
  loggedOut: {
    title: "ログアウトしました",
    text: "ご利用ありがとうございました。安全のため、ブラウザーのウィンドウも閉じてください。",
    again: "もう一度ログインする",
  },
  timedOut: {
    title: "ログインが終了しました",
    text: "しばらく操作がなかったか、別の画面でのログアウト、パスワードや認証単位の変更があったため、安全のためにログインを終了しました。",
    kept: "続けるには、もう一度ログインしてください。もとのページに戻ります。",
  },
  warning: {
    title: "まもなくログインが終了します",
    text: "操作がないため、安全のためにまもなく自動でログアウトします。",
    longest: "長くご利用のため、まもなく自動でログアウトします。続けるには、もう一度ログインしてください。",
    left: (seconds: number) => `あと${seconds}秒`,
    stay: "続けて利用する",
    failed: "延長できませんでした。もう一度お試しください。",
    stayed: "ログインを延長しました。",
  },
  settingNumber: {
    label: "設定番号",
    charged: "（通話料がかかります）",
    free: "（通話料はかかりません）",
  },
  another: {
    title: "別の電話番号でログインしています",
    text: (before: string, now: string) =>
      `このブラウザーでは、${before} のあとに ${now} でログインしています。${before} の画面で入力した内容は送信せずに消しました。`,
    go: (now: string) => `${now} で続ける`,
  },
  help: {
    title: "ご利用にあたって",
    lead: "このサイトを安心してお使いいただくためのご案内です。",
    environments: {
      title: "ご利用環境",
      text: "パソコンのほか、スマートフォン、携帯電話、インターネットにつながる電話機などからもご利用いただけます。端末やブラウザーによっては、正しく表示されない場合があります。すべての環境での動作を保証するものではありません。",
      needs: "ブラウザーの設定で、JavaScript とこのサイトの Cookie を有効にしてください。",
    },
    encryption: {
      title: "通信の暗号化",
      text: "お客さまの端末とこのサイトとの通信は、すべて暗号化（TLS）しています。",
    },
    charges: { title: "通信料・パケット通信料" },
    windows: {
      title: "複数のウィンドウ",
      text: "ブラウザーのウィンドウは1つだけでお使いください。ほかのウィンドウで先に変更があった場合は、変更せずにそのことをお知らせします。",
    },
    logout: {
      title: "ログアウト",
      automatic:
        "ログインしたまましばらく操作がないと、安全のため自動でログアウトします。1分ほど前に画面でお知らせします。",
      close: "お使いのあとは「ログアウト」を押し、ブラウザーのウィンドウを閉じてください。",
    },
    passwords: {
      title: "パスワード",
      again: "使えなくなったときやお忘れのときは、お電話で仮パスワードを設定し直してください。",
      choose: "パスワードは、ほかの人に推測されにくいものにし、定期的に変更してください。",
    },
    services: "設定できるサービス",
    contact: "お問い合わせ",
  },
  unavailable: {
    title: "ただいまご利用いただけません",
    text: "サーバーにつながりませんでした。お客さまの設定やパスワードに変わりはありません。",
  },
  overloaded: {
    title: "ただいま混み合っています",
    text: "多くの方がご利用中です。少し待ってからもう一度お試しください。お客さまの設定やパスワードに変わりはありません。",
  },
  notFound: { title: "ページが見つかりません", text: "アドレスをご確認ください。", home: "はじめのページへ" },
};

/** The texts that every language must have. */
export type Texts = typeof ja;
