// The softphone: it dials, speaks and shows the guidance, collects the keys that the response asks
// for, and hangs up.

const WORDS = {
  ja: {
    about: "ご契約の電話から設定番号にかけたときと同じように、仮パスワードを設定できます。",
    telephone: "どの電話からかけますか",
    lines: ["事務所の回線", "商店の回線（追加番号だけ契約）", "診療所の回線", "家庭の回線"],
    contract: "ご契約電話番号",
    unsubscribed: "本サービス未契約",
    elsewhere: "そのほか",
    another: "ほかの電話番号…",
    withheld: "番号非通知",
    number: "電話番号",
    site: "設定サイトを開く",
    dial: "電話をかける",
    hangUp: "切る",
    aloud: "音声で読み上げる",
    other: "English",
    waiting: (seconds) => `入力を待っています（${seconds}秒）`,
    pressed: "入力",
    silence: "（無音）",
    refused: "つながりませんでした",
    ended: {
      CALL_OUTCOME_SET: "通話終了：仮パスワードを設定しました。設定サイトでログインしてください。",
      CALL_OUTCOME_TOO_MANY_INVALID: "通話終了：誤入力が3回ありました。何も変更していません。",
      CALL_OUTCOME_REFUSED: "通話終了：受け付けできない電話です。",
      CALL_OUTCOME_HUNG_UP: "通話終了：電話を切りました。何も変更していません。",
      CALL_OUTCOME_FAILED: "通話終了：うまくいきませんでした。おかけ直しください。",
    },
  },
  en: {
    about: "Set a temporary password, just as by calling the setting number from a telephone on the line.",
    telephone: "Call from",
    lines: ["An office", "A shop (only additional numbers subscribed)", "A clinic", "A household"],
    contract: "contract number",
    unsubscribed: "not subscribed",
    elsewhere: "Others",
    another: "another number…",
    withheld: "number withheld",
    number: "Telephone number",
    site: "Open the settings site",
    dial: "Call",
    hangUp: "Hang up",
    aloud: "Speak aloud",
    other: "日本語",
    waiting: (seconds) => `Waiting for keys (${seconds} s)`,
    pressed: "Keys",
    silence: "(silence)",
    refused: "The call did not get through",
    ended: {
      CALL_OUTCOME_SET: "The call ended: the temporary password is set. Log in on the settings site.",
      CALL_OUTCOME_TOO_MANY_INVALID: "The call ended: three invalid entries. Nothing was changed.",
      CALL_OUTCOME_REFUSED: "The call ended: calls from this telephone are not accepted.",
      CALL_OUTCOME_HUNG_UP: "The call ended: you hung up. Nothing was changed.",
      CALL_OUTCOME_FAILED: "The call ended: it did not work. Please dial again.",
    },
  },
};
/** The demo's lines, as `cargo xtask up` adds them: the contract number first. */
const LINES = [
  ["0312345001", "0312345002", "0312345003", "0312345004"],
  ["0612345001", "0612345002", "0612345003"],
  ["0521234501", "0521234502"],
  ["05012345001"],
];
const UNSUBSCRIBED = new Set(["0312345004", "0612345001"]);
/** The choice of a number that is not in the list. */
const ANOTHER = "another";
const KEYS = "123456789*0#";
/** The steps whose keys are a password: they are shown as dots. */
const SECRET = new Set(["CALL_STEP_PASSWORD", "CALL_STEP_CONFIRM"]);

const at = (id) => document.getElementById(id);
let language = "ja";
let call;
let keyed = "";
/** True if the last entry ended because it was complete. A hash right after it belongs to no entry and is ignored. */
let full = false;
let timer;

function words() {
  return WORDS[language];
}

function label() {
  const { about, telephone, number, dial, hangUp, aloud, other, site } = words();
  document.documentElement.lang = language;
  at("about").textContent = about;
  at("telephone-label").textContent = telephone;
  at("number-label").textContent = number;
  at("site").textContent = site;
  list();
  at("dial").textContent = dial;
  at("hang-up").textContent = hangUp;
  at("aloud-label").textContent = aloud;
  at("language").textContent = other;
}

/** Lists the telephones in the chosen language, and keeps the selection. */
function list() {
  const { lines, contract, unsubscribed, elsewhere, another, withheld } = words();
  const group = (label, options) => {
    const found = document.createElement("optgroup");
    found.label = label;
    found.append(...options.map(([text, value]) => new Option(text, value)));
    return found;
  };
  const about = (number, place) =>
    [number, place === 0 && contract, UNSUBSCRIBED.has(number) && unsubscribed].filter(Boolean).join("  ");
  const chosen = at("telephone").value;
  at("telephone").replaceChildren(
    ...LINES.map((line, index) =>
      group(
        lines[index],
        line.map((number, place) => [about(number, place), number]),
      ),
    ),
    group(elsewhere, [
      [another, ANOTHER],
      [withheld, ""],
    ]),
  );
  at("telephone").value = LINES.flat().includes(chosen) || chosen === ANOTHER ? chosen : LINES[0][0];
}

/** The number that calls; empty if it is withheld. */
function caller() {
  const { value } = at("telephone");
  return value === ANOTHER ? at("number").value.trim() : value;
}

function write(text, kind) {
  const item = document.createElement("p");
  item.textContent = text;
  item.className = kind ?? "";
  at("guidance").append(item);
  item.scrollIntoView({ block: "nearest" });
}

function speak(text) {
  if (at("aloud").checked && "speechSynthesis" in window) {
    const spoken = new SpeechSynthesisUtterance(text);
    spoken.lang = language === "ja" ? "ja-JP" : "en-US";
    speechSynthesis.speak(spoken);
  }
}

function hush() {
  if ("speechSynthesis" in window) {
    speechSynthesis.cancel();
  }
}

function show() {
  const secret = SECRET.has(call?.collect?.step);
  at("shown").textContent = secret ? "•".repeat(keyed.length) : keyed;
}

/** Sends a turn, up to three times if no response comes: a turn that is sent twice counts once (IVR-12). */
async function take(event) {
  const { id, sequence } = call;
  const body = JSON.stringify({ call_id: id, sequence, event });
  for (let tries = 0; ; tries++) {
    try {
      const answer = await fetch("/turn", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
      });
      if (!answer.ok) {
        throw new Error(String(answer.status));
      }
      return await answer.json();
    } catch (error) {
      if (tries === 2) {
        return { guidance: [], refused: String(error) };
      }
    }
  }
}

async function turn(event) {
  clearTimeout(timer);
  hush();
  keyed = "";
  call.collect = undefined;
  at("waiting").textContent = "";
  show();
  const mine = call;
  const answer = await take(event);
  if (call !== mine) {
    return;
  }
  call.sequence += 1;
  for (const guidance of answer.guidance) {
    write(guidance[language]);
    speak(guidance[language]);
  }
  if (answer.collect) {
    call.collect = answer.collect;
    wait();
  } else {
    end(answer.refused ? `${words().refused}: ${answer.refused}` : words().ended[answer.ended]);
  }
}

function wait() {
  const { timeout_seconds: seconds } = call.collect;
  at("waiting").textContent = words().waiting(seconds);
  clearTimeout(timer);
  // An IVR platform starts to wait when the guidance has ended, so the softphone does the same.
  const speaking = () => "speechSynthesis" in window && speechSynthesis.speaking;
  const begun = Date.now();
  const look = () => {
    if (speaking() && Date.now() - begun < 60_000) {
      timer = setTimeout(look, 500);
    } else {
      timer = setTimeout(() => {
        write(words().silence, "pressed");
        full = false;
        void turn(keyed ? { keys: keyed } : "silence");
      }, seconds * 1000);
    }
  };
  look();
}

function press(key) {
  const collect = call?.collect;
  if (!collect) {
    return;
  }
  hush();
  if (full && key === "#" && keyed === "") {
    full = false;
    wait();
    return;
  }
  keyed += key;
  show();
  full = keyed.replaceAll("#", "").length >= collect.max_digits;
  if (full || (collect.ends_with_hash && key === "#")) {
    const secret = SECRET.has(collect.step);
    write(`${words().pressed}: ${secret ? "•".repeat(keyed.length) : keyed}`, "pressed");
    void turn({ keys: keyed });
  } else {
    wait();
  }
}

function end(text) {
  write(text, "end");
  call = undefined;
  keyed = "";
  clearTimeout(timer);
  at("waiting").textContent = "";
  at("dial").disabled = false;
  at("hang-up").disabled = true;
  at("telephone").disabled = false;
  at("number").disabled = false;
  at("dial").focus();
}

function dial() {
  at("guidance").replaceChildren();
  full = false;
  call = { id: `softphone-${crypto.randomUUID()}`, sequence: 0 };
  at("dial").disabled = true;
  at("hang-up").disabled = false;
  at("telephone").disabled = true;
  at("number").disabled = true;
  at("hang-up").focus();
  void turn({ started: caller() });
}

function hangUp() {
  hush();
  const event = "hung_up";
  void take(event);
  end(words().ended.CALL_OUTCOME_HUNG_UP);
}

for (const key of KEYS) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = key;
  button.addEventListener("click", () => press(key));
  at("keys").append(button);
}
at("telephone").addEventListener("change", () => {
  at("other").hidden = at("telephone").value !== ANOTHER;
});
at("dial").addEventListener("click", dial);
at("hang-up").addEventListener("click", hangUp);
at("language").addEventListener("click", () => {
  language = language === "ja" ? "en" : "ja";
  label();
});
addEventListener("keydown", (event) => {
  const typing = event.target === at("number") || event.target === at("telephone");
  if (!typing && !event.ctrlKey && !event.metaKey && event.key.length === 1 && KEYS.includes(event.key)) {
    event.preventDefault();
    press(event.key);
  }
});
label();
