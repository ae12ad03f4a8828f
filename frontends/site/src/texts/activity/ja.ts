// The texts of the page of sessions and events, in Japanese. The browser loads them with the page. `en.ts` must have the same
// keys.

import type { DeviceName, EventName } from "../../pages/activity/names";

const devices: Record<DeviceName, string> = {
  DESKTOP: "パソコン",
  PHONE: "スマートフォン・携帯電話",
  TABLET: "タブレット",
  UNSPECIFIED: "その他の端末",
};

const kinds: Record<EventName, string> = {
  LOGIN: "ログインがありました",
  TEMPORARY_LOGIN: "仮パスワードでのログインがありました",
  LOGIN_REFUSED: "ログインに失敗しました",
  PASSWORD_KILLED: "続けて誤って入力されたため、パスワードが使えなくなりました",
  PASSWORD_WRONG: "ログイン中の画面で、誤ったパスワードが入力されました",
  LOGOUT: "ログアウトしました",
  SESSION_ENDED: "ほかの端末をログアウトさせました",
  OTHER_SESSIONS_ENDED: "ほかの端末をすべてログアウトさせました",
  ENDED_BY_OPERATOR: "電話会社の操作で、すべての端末がログアウトしました",
  PASSWORD_CHANGED: "パスワードが変更されました",
  PASSWORD_CHANGE_REFUSED: "パスワードは変更されませんでした",
  TEMPORARY_SET: "お電話で仮パスワードが設定されました",
  TEMPORARY_REFUSED: "お電話での仮パスワードの設定を受け付けませんでした",
  UNIT_CHANGED: "認証単位が変更されました",
  UNIT_CHANGE_REFUSED: "認証単位は変更されませんでした",
  UNIT_RESET: "電話会社の操作で、認証単位とパスワードが取り消されました",
  UNSPECIFIED: "その他の記録",
};

export const ja = {
  title: "ログイン中の端末と最近の記録",
  lead: "お心当たりのない端末や記録があるときは、ほかの端末をログアウトさせ、パスワードを変更してください。",
  sessions: {
    title: "ログイン中の端末",
    about: "端末の種類は、ブラウザーからの情報による目安です。",
    device: devices,
    current: (device: string) => `${device}（お使いの端末）`,
    begun: (time: string) => `ログイン：${time}`,
    lastUse: (time: string) => `最後の操作：${time}`,
    alone: "ほかにログイン中の端末はありません。",
    more: "ほかにも端末がある可能性があります。「ほかの端末をすべてログアウトさせる」を押すと、ここに表示されていない端末もログアウトします。",
    end: "ログアウトさせる",
    endOf: (device: string, time: string) => `${time}にログインした${device}をログアウトさせる`,
    ended: "その端末をログアウトさせました。",
    gone: "その端末は、すでにログアウトしていました。表示を最新にしました。",
    endAll: "ほかの端末をすべてログアウトさせる",
    allEnded: "ほかの端末をすべてログアウトさせました。",
    lost: "応答が届かなかったため、ログアウトできたかどうか分かりません。最新の表示でお確かめください。",
    confirm: {
      title: "ほかの端末をすべてログアウトさせますか？",
      text: "ほかの端末で入力中の内容は失われます。お使いの端末は、ログインしたままです。",
      yes: "すべてログアウトさせる",
      no: "やめる",
    },
  },
  events: {
    title: "最近の記録",
    about: "新しいものから順に表示しています。",
    users: "管理者には、ユーザの記録も表示されます。",
    none: "記録はまだありません。",
    kind: kinds,
    times: (kind: string, count: number) => `${kind}（${count}回）`,
    caller: (last: string) => `発信した電話番号の下4桁：${last}`,
  },
};

/** The texts that every language must have. */
export type ActivityTexts = typeof ja;
