//! Carries out what the synchroniser decides: asks peers through the network, prepares bodies on
//! all processors, and gives headers and blocks to the chain.

use std::time::{Duration, Instant};

use futures::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{FuturesOrdered, FuturesUnordered},
};
use libp2p::PeerId;
use mbt_consensus::{Block, BlockId, InvalidBody, SealedHeader, SyncPhase};
use mbt_trie::Durability;
use tokio::sync::{broadcast::error::RecvError, mpsc, watch};

use super::{
    event::{BlockOutcome, Effect, HeadersOutcome, Input, Millis, RequestFailure, RequestId, Tip},
    machine::{Progress, Synchroniser},
    prepare::{self, Prepared},
    progress::Display,
};
use crate::{
    network::{
        Command, NetworkConfig, NetworkNote, ended,
        message::{HEADERS_MAX, LOCATOR_MAX, Request, Response},
    },
    node::{NodeEvent, NodeHandle},
};

/// Time between two looks at the progress.
const SHOW_TIME: Duration = Duration::from_millis(250);

/// What a future of the task brings.
enum Outcome {
    Input(Box<Input<PeerId>>),
    Prepared { peer: PeerId, blocks: Vec<Prepared> },
    Ask(Command),
}

type Work = BoxFuture<'static, Outcome>;

/// The synchroniser's task.
pub(crate) struct SyncTask {
    machine: Synchroniser<PeerId>,
    node: NodeHandle,
    commands: mpsc::Sender<Command>,
    notes: mpsc::Receiver<NetworkNote>,
    progress: watch::Sender<Progress>,
    display: Display,
    phase: SyncPhase,
    start: Instant,
    /// Work in any order.
    work: FuturesUnordered<Work>,
    /// Blocks on their way into the chain, in order.
    imports: FuturesOrdered<Work>,
    /// Highest block that is not to be made durable alone.
    best_number: u64,
}

impl SyncTask {
    pub(crate) fn new(
        config: &NetworkConfig,
        node: NodeHandle,
        commands: mpsc::Sender<Command>,
        notes: mpsc::Receiver<NetworkNote>,
        progress: watch::Sender<Progress>,
    ) -> Self {
        let (head, best) = (node.head(), node.best_header());
        Self {
            best_number: best.number,
            machine: Synchroniser::new(config.sync, tip(&head), tip(&best)),
            node,
            commands,
            notes,
            progress,
            display: Display::new(config.progress_bar),
            phase: SyncPhase::InSync,
            start: Instant::now(),
            work: FuturesUnordered::new(),
            imports: FuturesOrdered::new(),
        }
    }

    /// Runs until it is told to stop. What was imported by then stays.
    pub(crate) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut events = self.node.events();
        let mut show = tokio::time::interval(SHOW_TIME);
        loop {
            self.drain();
            let deadline = self.deadline();
            tokio::select! {
                Some(outcome) = self.work.next(), if !self.work.is_empty() => {
                    self.follow(outcome).await;
                }
                Some(outcome) = self.imports.next(), if !self.imports.is_empty() => {
                    self.follow(outcome).await;
                }
                note = self.notes.recv() => match note {
                    Some(note) => self.note(note),
                    None => break,
                },
                event = events.recv() => match event {
                    Ok(NodeEvent::Head(_)) | Err(RecvError::Lagged(_)) => self.own(),
                    Ok(_) => {}
                    Err(RecvError::Closed) => break,
                },
                () = tokio::time::sleep_until(deadline.into()) => {
                    self.input(Input::DeadlineReached);
                }
                _ = show.tick() => self.show().await,
                () = ended(&mut stop) => break,
            }
        }
        if let Err(error) = self.node.flush().await {
            tracing::debug!(%error, "what was synced is not flushed");
        }
    }

    fn now(&self) -> Millis {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn deadline(&self) -> Instant {
        let next = self.machine.next_deadline().unwrap_or(u64::MAX);
        let wait = Duration::from_millis(next.saturating_sub(self.now())).min(SHOW_TIME);
        Instant::now() + wait
    }

    fn input(&mut self, input: Input<PeerId>) {
        self.machine.handle(self.now(), input);
    }

    fn own(&mut self) {
        let (head, best) = (self.node.head(), self.node.best_header());
        self.best_number = best.number;
        self.input(Input::Own { head: tip(&head), best: tip(&best) });
    }

    fn note(&mut self, note: NetworkNote) {
        match note {
            NetworkNote::Peer { peer, status } => {
                let (number, total_work) = (status.number, status.total_work);
                self.input(Input::Peer { peer, number, total_work });
            }
            NetworkNote::Ahead(peer) => self.input(Input::Ahead(peer)),
            NetworkNote::Gone(peer) => self.input(Input::Gone(peer)),
            NetworkNote::Failed { request, failure } => {
                self.input(Input::Failed { request, failure });
            }
            NetworkNote::Answer { request, response } => self.answer(request, response),
        }
    }

    fn answer(&mut self, request: RequestId, response: Response) {
        match response {
            Response::Headers(headers) => self.input(Input::Headers { request, headers }),
            Response::Bodies(bodies) => {
                let bodies = bodies.into_iter().map(|body| (body.id, body.bytes)).collect();
                self.input(Input::Bodies { request, bodies });
            }
            Response::Status(_) | Response::Pooled(_) => {
                let failure = RequestFailure::Garbage;
                self.input(Input::Failed { request, failure });
            }
        }
    }

    /// Starts everything that the synchroniser wants done.
    fn drain(&mut self) {
        while let Some(effect) = self.machine.poll_effect() {
            match effect {
                Effect::AskHeaders { peer, request, after } => {
                    self.work.push(ask_headers(self.node.clone(), peer, request, after).boxed());
                }
                Effect::AskBodies { peer, request, ids } => {
                    self.command(Command::Ask { peer, request, question: Request::Bodies(ids) });
                }
                Effect::Report { peer, fault } => self.command(Command::Report { peer, fault }),
                Effect::ImportHeaders { peer, headers } => {
                    let node = self.node.clone();
                    self.work.push(import_headers(node, peer, headers).boxed());
                }
                Effect::Prepare { peer, jobs } => {
                    let node = self.node.clone();
                    let prepare = move || prepare::prepare(jobs, node.senders());
                    let work = tokio::task::spawn_blocking(prepare);
                    let done = async move {
                        Outcome::Prepared { peer, blocks: work.await.unwrap_or_default() }
                    };
                    self.work.push(done.boxed());
                }
                Effect::ImportBlock { id, block } => self.import(id, *block),
                Effect::MarkInvalid(proof) => self.mark_invalid(proof),
                Effect::FindWanted { max } => {
                    let node = self.node.clone();
                    let find = async move {
                        let wanted = Input::Wanted(node.wanted_bodies(max).await);
                        Outcome::Input(Box::new(wanted))
                    };
                    self.work.push(find.boxed());
                }
            }
        }
    }

    /// Sends the network a command, in its turn.
    fn command(&self, command: Command) {
        self.work.push(async move { Outcome::Ask(command) }.boxed());
    }

    fn import(&mut self, id: BlockId, block: Block) {
        let node = self.node.clone();
        let number = block.header.number;
        // The last block of a run makes all before it durable.
        let last = number >= self.best_number;
        let durability = if last { Durability::Durable } else { Durability::Deferred };
        let import = async move {
            let result = node.import(block, durability).await;
            if let Err(error) = &result {
                tracing::warn!(number, %id, %error, "synced block not imported");
            }
            let outcome = BlockOutcome::from(&result);
            Outcome::Input(Box::new(Input::BlockImported { id, number, outcome }))
        };
        self.imports.push_back(import.boxed());
    }

    fn mark_invalid(&mut self, proof: InvalidBody) {
        tracing::warn!(%proof, "synced block is invalid");
        let (node, marked) = (self.node.clone(), self.node.mark_invalid(proof));
        let mark = async move {
            marked.await;
            let (head, best) = (tip(&node.head()), tip(&node.best_header()));
            Outcome::Input(Box::new(Input::Own { head, best }))
        };
        self.work.push(mark.boxed());
    }

    async fn follow(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Input(input) => {
                let headers = matches!(*input, Input::HeadersImported { .. });
                self.input(*input);
                if headers {
                    self.own();
                }
            }
            Outcome::Prepared { peer, blocks } => {
                for (id, number, outcome) in blocks {
                    self.input(Input::Prepared { peer, id, number, outcome });
                }
            }
            Outcome::Ask(command) => {
                if self.commands.send(command).await.is_err() {
                    tracing::debug!("the network ended before the synchroniser");
                }
            }
        }
    }

    async fn show(&mut self) {
        let progress = self.machine.progress();
        self.display.show(Instant::now(), progress);
        if *self.progress.borrow() == progress {
            return;
        }
        self.progress.send_replace(progress);
        self.node.update_status(|status| {
            if progress.syncing && !status.syncing {
                status.starting = progress.current;
            }
            status.syncing = progress.syncing;
            status.highest = progress.highest;
        });
        if !progress.syncing {
            self.set_phase(SyncPhase::InSync).await;
        } else if progress.current == 0 {
            self.set_phase(SyncPhase::Initial).await;
        }
    }

    /// A first sync takes the greatest work, however deep it forks off.
    async fn set_phase(&mut self, phase: SyncPhase) {
        if phase != self.phase {
            self.phase = phase;
            self.node.set_sync_phase(phase).await;
        }
    }
}

fn tip(header: &SealedHeader) -> Tip {
    Tip { id: header.id, number: header.number, total_work: header.total_work }
}

async fn ask_headers(
    node: NodeHandle,
    peer: PeerId,
    request: RequestId,
    after: Option<BlockId>,
) -> Outcome {
    let mut locator: Vec<BlockId> = after.into_iter().collect();
    match node.locator().await {
        Ok(ids) => locator.extend(ids.into_iter().filter(|id| Some(*id) != after)),
        Err(error) => tracing::error!(%error, "the chain names no locator"),
    }
    locator.truncate(LOCATOR_MAX);
    let question = Request::Headers { locator, max: HEADERS_MAX };
    Outcome::Ask(Command::Ask { peer, request, question })
}

async fn import_headers(
    node: NodeHandle,
    peer: PeerId,
    headers: Vec<mbt_consensus::Header>,
) -> Outcome {
    let outcome = match node.import_headers(headers).await {
        Ok(imported) => HeadersOutcome::Taken { added: imported.added },
        Err(error) => {
            tracing::debug!(%peer, %error, "headers not taken");
            HeadersOutcome::from(&error.reason)
        }
    };
    Outcome::Input(Box::new(Input::HeadersImported { peer, outcome }))
}
