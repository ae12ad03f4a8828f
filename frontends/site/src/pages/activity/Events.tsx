import { timestampMs } from "@bufbuild/protobuf/wkt";
import { showNumber } from "../../app/number";
import type { ListOwnEventsResponse } from "../../gen/aikagi/edge/v1/subscriber_service_pb";
import type { OwnEvent } from "../../gen/aikagi/units/v1/own_event_pb";
import type { ActivityTexts } from "../../texts/activity/ja";
import { useTexts } from "../../texts/language";
import { Icon } from "../../ui/Icon";
import { eventName } from "./names";
import { Unread } from "./Unread";
import type { List } from "./useList";

/** SESS-8: the last events of the account. An administrator also sees which account an event concerns. */
export function Events({
  list,
  words,
  administers,
}: {
  list: List<ListOwnEventsResponse>;
  words: ActivityTexts["events"];
  administers: boolean;
}) {
  const events = list.response?.events;
  return (
    <section className="card" aria-labelledby="events">
      <h2 id="events" tabIndex={-1}>
        <Icon name="clock" />
        {words.title}
      </h2>
      {list.failure && <Unread failure={list.failure} heading="events" again={list.read} />}
      {events && (
        <>
          <p className="hint">{administers ? `${words.about} ${words.users}` : words.about}</p>
          {events.length === 0 && <p>{words.none}</p>}
          {events.length > 0 && (
            <ol className="logins">
              {events.map((event, place) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: events have no id, and the list is replaced as a whole
                <Event key={place} event={event} words={words} administers={administers} />
              ))}
            </ol>
          )}
        </>
      )}
    </section>
  );
}

function Event({
  event,
  words,
  administers,
}: {
  event: OwnEvent;
  words: ActivityTexts["events"];
  administers: boolean;
}) {
  const { moment } = useTexts();
  const { occurTime, accountNumber, maskedCaller, count } = event;
  const kind = words.kind[eventName(event.kind)];
  return (
    <li>
      <b>{count > 1n ? words.times(kind, Number(count)) : kind}</b>
      {occurTime && <p>{moment(timestampMs(occurTime))}</p>}
      {administers && accountNumber && <p className="number">{showNumber(accountNumber)}</p>}
      {maskedCaller && <p>{words.caller(maskedCaller.slice(-4))}</p>}
    </li>
  );
}
