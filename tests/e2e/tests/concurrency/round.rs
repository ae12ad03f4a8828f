//! A round: all clients act concurrently. After their last operation the state is read. Some order
//! must explain all responses and the state.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aikagi_api::units::v1::AuthUnit;
use aikagi_devkit::installation::workloads::Service;
use aikagi_model::history::{Operation, Verdict, tell};
use aikagi_model::rules::{Account, Model, Number};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use tokio::sync::Barrier;
use tokio::task::{JoinHandle, JoinSet};

use super::clients::Client;
use super::coverage::Coverage;
use super::play::{Play, Scene};
use super::reader::{self, Seen};
use super::{ConcurrencyRun, KILLED, REPLICAS};

/// The client that prepares a round and reads the state after it.
pub(crate) const OBSERVER: usize = 0;

impl Play {
    /// Plays and judges a round.
    pub(super) async fn round(&mut self, run: &mut ConcurrencyRun, rng: &mut StdRng) -> Verdict {
        self.prepare(rng).await;
        let number = rng.random_range(4..=5);
        let mut crowd = self.start_clients(number, rng);
        let recorder = &self.scene.recorder;
        let begun = recorder.quiet();
        for (after, service, replica) in kills(rng) {
            tokio::select! {
                () = recorder.until(begun + after) => {
                    recorder.fault();
                    if service == Service::Authentication {
                        recorder.crash();
                    }
                    tokio::task::block_in_place(|| run.kill(service, replica));
                    run.coverage.kill();
                }
                () = crowd.wait() => break,
            }
        }
        let seen = crowd.finish().await;
        run.quiet().await;
        self.judge(&seen, &mut run.coverage).await
    }

    /// Prepares a round. In most rounds the line then has a permanent password.
    pub(crate) async fn prepare(&self, rng: &mut StdRng) {
        let scene = &self.scene;
        scene.know_only(self.model());
        scene.release_seats();
        if !scene.has_permanent(self.model()) && rng.random_bool(0.8) {
            scene.establish(self.model(), rng).await;
        }
    }

    /// Reads the whole state while no other operation is in progress, and judges the round.
    pub(crate) async fn judge(&mut self, seen: &Seen, coverage: &mut Coverage) -> Verdict {
        let quiet = self.scene.recorder.quiet();
        self.scene.look_at_everything().await;
        let calls = self.scene.recorder.take(quiet);
        coverage.note(&calls);
        if let Some(half) = seen.half.first() {
            let text = tell::history(&calls, &[]);
            return Verdict::Unexplained(format!("{half}\n{text}"));
        }
        coverage.views(seen.views);
        let number = calls.len();
        let verdict = tokio::task::block_in_place(|| self.rounds.add(calls));
        coverage.judged(number, &verdict);
        verdict
    }

    /// Starts this number of clients and a reader.
    pub(crate) fn start_clients(&self, number: usize, rng: &mut StdRng) -> Crowd {
        let start = Arc::new(Barrier::new(number));
        let mut clients = JoinSet::new();
        for client in 1..=number {
            let client = Client {
                number: client,
                scene: Arc::clone(&self.scene),
                model: self.model().clone(),
                rng: StdRng::seed_from_u64(rng.random()),
            };
            let start = Arc::clone(&start);
            clients.spawn(async move {
                start.wait().await;
                client.act().await;
            });
        }
        let done = Arc::new(AtomicBool::new(false));
        let reading = reader::read(Arc::clone(&self.scene), Arc::clone(&done));
        Crowd {
            clients,
            done,
            reading: tokio::spawn(reading),
        }
    }
}

/// The concurrent clients of a line.
pub(crate) struct Crowd {
    clients: JoinSet<()>,
    done: Arc<AtomicBool>,
    reading: JoinHandle<Seen>,
}

impl Crowd {
    /// Waits until all clients have finished.
    pub(crate) async fn wait(&mut self) {
        while let Some(client) = self.clients.join_next().await {
            client.unwrap();
        }
    }

    /// Waits until all clients have finished, and stops the reader. Returns what the reader has
    /// seen.
    pub(crate) async fn finish(mut self) -> Seen {
        self.wait().await;
        self.done.store(true, Ordering::SeqCst);
        self.reading.await.unwrap()
    }
}

/// The replicas to kill, each with its time: the number of ticks after the start of the round.
fn kills(rng: &mut StdRng) -> Vec<(usize, Service, usize)> {
    let number = *[0, 1, 1, 1, 2].choose(rng).unwrap();
    let mut kills: Vec<_> = (0..number)
        .map(|_| {
            let service = *KILLED.choose(rng).unwrap();
            (
                rng.random_range(1..30),
                service,
                rng.random_range(0..usize::from(REPLICAS)),
            )
        })
        .collect();
    kills.sort_unstable();
    kills
}

impl Scene {
    fn has_permanent(&self, model: &Model) -> bool {
        let line = model.line(self.contract);
        line.is_some_and(|line| line.numbers.values().any(Account::has_live_permanent))
    }

    /// Gives the accounts of a unit permanent passwords, one after another.
    async fn establish(&self, model: &Model, rng: &mut StdRng) {
        let line = model.line(self.contract).expect("the line exists");
        let wished = *[AuthUnit::Number, AuthUnit::Number, AuthUnit::Line]
            .choose(rng)
            .unwrap();
        let unit = line.established.and(line.unit).unwrap_or(wished);
        for number in line.accounts(unit) {
            self.establish_one(unit, number).await;
        }
    }

    async fn establish_one(&self, unit: AuthUnit, number: Number) {
        let temporary = self.new_temporary();
        let call = Operation::SetTemporary {
            caller: self.contract,
            unit,
            target: Some(number),
            password: temporary,
        };
        self.ask(OBSERVER, call).await;
        let seat = self.new_seat();
        let login = Operation::Login {
            seat,
            number,
            typed: temporary,
        };
        if !matches!(self.ask(OBSERVER, login).await, Some(Ok(_))) {
            return;
        }
        let (successor, new) = (self.new_seat(), self.new_permanent());
        let change = Operation::Change {
            seat,
            successor,
            current: temporary,
            new,
        };
        if let Some(Ok(_)) = self.ask(OBSERVER, change).await {
            self.learn(number, new);
        }
    }

    /// Reads the line, all numbers and the newest sessions, and tries all passwords that may work.
    async fn look_at_everything(&self) {
        let number = self.contract;
        self.ask(OBSERVER, Operation::GetLine { number }).await;
        for number in self.numbers() {
            self.ask(OBSERVER, Operation::Explain { number }).await;
        }
        for seat in self.seats().into_iter().rev().take(6) {
            self.ask(OBSERVER, Operation::Look { seat }).await;
        }
        for (number, typed) in self.to_be_tried() {
            let seat = self.new_seat();
            let login = Operation::Login {
                seat,
                number,
                typed,
            };
            self.ask(OBSERVER, login).await;
        }
    }
}
