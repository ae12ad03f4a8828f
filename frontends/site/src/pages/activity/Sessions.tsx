import { timestampMs } from "@bufbuild/protobuf/wkt";
import { useEffect, useRef, useState } from "react";
import { subscriber } from "../../api/client";
import { isSessionOver } from "../../api/failure";
import { callOnce } from "../../api/retry";
import { useSite } from "../../app/site";
import type { OwnSession } from "../../gen/aikagi/authentication/v1/session_pb";
import type { ListOwnSessionsResponse } from "../../gen/aikagi/edge/v1/subscriber_service_pb";
import type { ActivityTexts } from "../../texts/activity/ja";
import { useTexts } from "../../texts/language";
import { Icon } from "../../ui/Icon";
import { Notice, type Tone } from "../../ui/Notice";
import { wordsOf } from "../../ui/words";
import { ConfirmEnd } from "./ConfirmEnd";
import { deviceName } from "./names";
import { Unread } from "./Unread";
import type { List } from "./useList";

/** SESS-7: the sessions of the account. The subscriber can end the other ones. `changed` is called after an end. */
export function Sessions({
  list,
  words,
  changed,
}: {
  list: List<ListOwnSessionsResponse>;
  words: ActivityTexts["sessions"];
  changed: () => Promise<void>;
}) {
  const { texts, language } = useTexts();
  const { ended } = useSite();
  const [result, setResult] = useState<{ tone: Tone; text: string }>();
  const [asks, setAsks] = useState(false);
  const [busy, setBusy] = useState(false);
  const shown = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // The button that had the focus may be gone.
    if (result) {
      shown.current?.focus();
    }
  }, [result]);

  const end = async (call: () => Promise<unknown>, done: string) => {
    setBusy(true);
    setResult(undefined);
    const { failure } = await callOnce(call);
    if (failure && isSessionOver(failure)) {
      ended();
      return;
    }
    await Promise.all([list.read(), changed()]);
    setBusy(false);
    if (!failure) {
      setResult({ tone: "good", text: done });
    } else if (failure.reason === "STALE_VIEW") {
      setResult({ tone: "info", text: words.gone });
    } else {
      setResult({ tone: "bad", text: failure.lost ? words.lost : wordsOf(failure, texts, language) });
    }
  };
  const endOne = (sessionId: string) => end(() => subscriber.endOwnSession({ sessionId }), words.ended);
  const endAll = () => {
    setAsks(false);
    void end(() => subscriber.endOtherSessions({}), words.allEnded);
  };

  const { response, failure, read } = list;
  const others = response?.sessions.some(({ current }) => !current) || response?.more;
  return (
    <section className="card" aria-labelledby="sessions">
      <h2 id="sessions" tabIndex={-1}>
        <Icon name="key" />
        {words.title}
      </h2>
      <div ref={shown} tabIndex={-1} role="status">
        {result && <Notice tone={result.tone}>{result.text}</Notice>}
        {busy && texts.common.working}
      </div>
      {failure && <Unread failure={failure} heading="sessions" again={read} />}
      {response && (
        <>
          <p className="hint">{words.about}</p>
          <ul className="logins">
            {response.sessions.map((session) => (
              <Device
                key={session.sessionId}
                session={session}
                words={words}
                busy={busy}
                end={() => void endOne(session.sessionId)}
              />
            ))}
          </ul>
          {response.more && <p>{words.more}</p>}
          {others ? (
            <button type="button" aria-disabled={busy} onClick={() => busy || setAsks(true)}>
              {words.endAll}
            </button>
          ) : (
            <p>{words.alone}</p>
          )}
        </>
      )}
      {asks && <ConfirmEnd words={words.confirm} confirmed={endAll} cancelled={() => setAsks(false)} />}
    </section>
  );
}

function Device({
  session,
  words,
  busy,
  end,
}: {
  session: OwnSession;
  words: ActivityTexts["sessions"];
  busy: boolean;
  end: () => void;
}) {
  const { moment } = useTexts();
  const { openTime, lastUseTime, current } = session;
  const device = words.device[deviceName(session.deviceClass)];
  const begun = openTime ? moment(timestampMs(openTime)) : "";
  return (
    <li>
      <b>{current ? words.current(device) : device}</b>
      <p>{words.begun(begun)}</p>
      {lastUseTime && <p>{words.lastUse(moment(timestampMs(lastUseTime)))}</p>}
      {!current && (
        <button
          type="button"
          aria-label={words.endOf(device, begun)}
          aria-disabled={busy}
          onClick={() => busy || end()}
        >
          {words.end}
        </button>
      )}
    </li>
  );
}
