// The real system of the tests, as described in its state.json. The tests call it as outside workloads do, and so
// prepare their lines.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { dirname, join, resolve } from "node:path";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { SubscriberService } from "../../src/gen/aikagi/edge/v1/subscriber_service_pb";
import { CallService } from "../../src/gen/aikagi/issuance/v1/call_service_pb";
import { DirectoryService } from "../../src/gen/aikagi/units/v1/directory_service_pb";
import { AuthUnit } from "../../src/gen/aikagi/units/v1/unit_pb";

interface State {
  public: string[];
  private: string[];
  services: Record<string, string[]>;
  authority: string;
  identities: Record<string, { certificate: string; key: string }>;
  logs: string;
}

const file = resolve(process.env.AIKAGI_STATE ?? "../../target/test/browser/state.json");
const state = JSON.parse(readFileSync(file, "utf8")) as State;
const home = dirname(file);

/** The site's origin. */
export const SITE = (state.public[0] ?? "").replace("127.0.0.1", "localhost");

/** SITE-1: the origin of the same site with the profile of another operator. */
export const SECOND_SITE = (state.public[1] ?? "").replace("127.0.0.1", "localhost");

function workload(name: string) {
  const identity = state.identities[name];
  if (!identity) {
    throw new Error(`no identity ${name}`);
  }
  return createGrpcTransport({
    baseUrl: state.private[0] ?? "",
    nodeOptions: {
      ca: readFileSync(state.authority),
      cert: readFileSync(identity.certificate),
      key: readFileSync(identity.key),
    },
  });
}

/** The softphone's origin. */
export const SOFTPHONE = process.env.AIKAGI_SOFTPHONE ?? "";

/** Returns a certificate and a key for localhost, for a test server of another origin. */
export function localhostTls() {
  const identity = state.identities.backend;
  return { cert: readFileSync(identity?.certificate ?? ""), key: readFileSync(identity?.key ?? "") };
}

const directory = createClient(DirectoryService, workload("operator"));
const calls = createClient(CallService, workload("ivr"));
const direct = createClient(
  SubscriberService,
  createGrpcTransport({ baseUrl: state.public[0] ?? "", nodeOptions: { ca: readFileSync(state.authority) } }),
);

/** Returns `count` random digits. */
export function digits(count: number): string {
  return Array.from({ length: count }, () => randomInt(10)).join("");
}

/** Returns a random permanent password. */
export function permanent(): string {
  return `Kagi${digits(6)}x`;
}

/** Adds a line with `additional` subscribed additional numbers. Returns its numbers, the contract number first. */
export async function line(additional = 0): Promise<[string, ...string[]]> {
  const number = () => `0${["3", "6", "50"][randomInt(3)]}${digits(8)}`;
  const contract = number();
  const others = Array.from({ length: additional }, number);
  await directory.addLine({
    contractNumber: { number: contract, subscribed: true },
    additionalNumbers: others.map((other) => ({ number: other, subscribed: true })),
  });
  return [contract, ...others];
}

/** Sets a temporary password by telephone, and returns it. */
export async function telephone(
  caller: string,
  unit: AuthUnit = AuthUnit.LINE,
  target = "",
): Promise<string> {
  const temporaryPassword = digits(8);
  await calls.setTemporaryPassword({ callerNumber: caller, unit, targetNumber: target, temporaryPassword });
  return temporaryPassword;
}

/** Replaces the temporary password of an account by a permanent password, and returns it. */
export async function settle(number: string, temporary: string, password = permanent()): Promise<string> {
  const opened = await direct.login({ number, password: temporary });
  await change(opened.sessionToken, opened.session?.revision ?? "", temporary, password);
  return password;
}

async function change(token: string, revision: string, current: string, next: string): Promise<void> {
  const headers = { authorization: `Bearer ${token}` };
  await direct.changePassword(
    { currentPassword: current, newPassword: next, newPasswordConfirmation: next, revision },
    { headers },
  );
}

/** Changes the password of an account with a separate session, as from another device. Returns the new password. */
export async function changeElsewhere(number: string, current: string, next = permanent()): Promise<string> {
  const opened = await direct.login({ number, password: current });
  await change(opened.sessionToken, opened.session?.revision ?? "", current, next);
  return next;
}

/** Opens a session from another device. Returns its token. */
export async function openElsewhere(number: string, password: string): Promise<string> {
  return (await direct.login({ number, password })).sessionToken;
}

/** True if a session is live. The request does not count as use. */
export async function isLive(token: string): Promise<boolean> {
  const headers = { authorization: `Bearer ${token}` };
  return direct.getSession({ peek: true }, { headers }).then(
    () => true,
    () => false,
  );
}

/** Adds a line with one account that has a permanent password. */
export async function account(): Promise<{ number: string; password: string }> {
  const [number] = await line();
  return { number, password: await settle(number, await telephone(number)) };
}

/** Adds a line with an established unit. Returns its numbers, and the password of each account. */
export async function established(
  unit: AuthUnit,
  additional = 1,
): Promise<{ numbers: [string, ...string[]]; passwords: Record<string, string> }> {
  const numbers = await line(additional);
  const accounts = unit === AuthUnit.LINE ? [numbers[0]] : numbers;
  const passwords: Record<string, string> = {};
  for (const number of accounts) {
    const target = unit === AuthUnit.LINE ? "" : number;
    passwords[number] = await settle(number, await telephone(numbers[0], unit, target));
  }
  return { numbers, passwords };
}

/** Makes `times` wrong attempts. */
export async function guess(number: string, times: number): Promise<void> {
  for (let done = 0; done < times; done++) {
    await direct.login({ number, password: "Wrong00000" }).catch(() => undefined);
  }
}

/** PW-3: sets the time of a password's last change to `days` days ago. */
export function age(number: string, days: number): void {
  const settings = readFileSync(join(home, "settings/authentication.toml"), "utf8");
  const port = /postgres:\/\/[^"]*:(\d+)\//.exec(settings)?.[1] ?? "";
  const statement = `UPDATE credentials SET changed_time = now() - interval '${days} days' WHERE number = '${number}'`;
  const sockets = readFileSync(join(home, "postgres/data/postmaster.pid"), "utf8").split("\n")[4] ?? "";
  execFileSync("psql", ["-q", "-h", sockets, "-p", port, "-U", "postgres", "-c", statement, "aikagi"]);
}

/** Finds the processes of a service, by its settings file. */
function processes(service: string): { id: number; command: string[] }[] {
  const config = join(home, "settings", `${service}.toml`);
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && existsSync(`/proc/${name}/cmdline`))
    .flatMap((name) => {
      try {
        return [
          {
            id: Number(name),
            command: readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0").slice(0, -1),
          },
        ];
      } catch {
        return [];
      }
    })
    .filter(({ command }) => command[1] === "--config" && command[2] === config && command.length === 3);
}

const started: ChildProcess[] = [];

/** Kills the processes of a service. The returned function starts the service again and waits until it listens. */
export async function stop(service: string): Promise<() => Promise<void>> {
  const running = processes(service);
  for (const { id } of running) {
    process.kill(id, "SIGKILL");
  }
  const [program, ...rest] = running[0]?.command ?? [];
  if (!program) {
    throw new Error(`no process of ${service} is running`);
  }
  return async () => {
    started.push(spawn(program, rest, { stdio: "ignore" }));
    const port = Number(state.services[service]?.[0]?.split(":")[1]);
    await until(() => listens(port));
  };
}

/** Stops every process that was started again after a `stop`. */
export function stopStarted(): void {
  for (const child of started) {
    child.kill();
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      done(true);
    });
    socket.on("error", () => done(false));
  });
}

/** Waits until a condition is true, at most `limit` milliseconds. */
export async function until(condition: () => Promise<boolean>, limit = 30_000): Promise<void> {
  const end = Date.now() + limit;
  while (!(await condition())) {
    if (Date.now() > end) {
      throw new Error(`the condition is still false after ${limit} ms`);
    }
    await new Promise((next) => setTimeout(next, 100));
  }
}
