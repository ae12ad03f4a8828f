//! Runs statements on a given connection, or on a connection from the pool. Every wait for the server has a time limit.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt as _};
use sqlx::postgres::{PgQueryResult, PgRow, PgStatement, PgTypeInfo};
use sqlx::{Describe, Either, Execute, Executor, Postgres, SqlStr};
use tokio::time::{Instant, Sleep, sleep, timeout};

use crate::Ledger;
use crate::pool::{Connection, Progress};

type Item = Result<Either<PgQueryResult, PgRow>, sqlx::Error>;

/// The items that a statement returns. The stream fails if the server is silent for too long.
struct Rows<'a> {
    items: BoxStream<'a, Item>,
    progress: Progress<'a>,
    silence: Pin<Box<Sleep>>,
}

impl<'a> Rows<'a> {
    fn new(items: BoxStream<'a, Item>, progress: Progress<'a>) -> Self {
        let silence = Box::pin(sleep(progress.limit()));
        Self {
            items,
            progress,
            silence,
        }
    }
}

impl Stream for Rows<'_> {
    type Item = Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Item>> {
        let this = &mut *self;
        let Poll::Ready(item) = this.items.poll_next_unpin(context) else {
            std::task::ready!(this.silence.as_mut().poll(context));
            this.items = stream::empty().boxed();
            return Poll::Ready(Some(Err(this.progress.time_out())));
        };
        match &item {
            None => this.progress.end(),
            Some(Ok(_)) => {
                let limit = Instant::now() + this.progress.limit();
                this.silence.as_mut().reset(limit);
            }
            Some(Err(error)) => this.progress.fail(error),
        }
        Poll::Ready(item)
    }
}

/// Runs one statement, and records how it ended.
async fn bounded<T>(
    mut progress: Progress<'_>,
    statement: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    match timeout(progress.limit(), statement).await {
        Err(_elapsed) => Err(progress.time_out()),
        Ok(done) => {
            match &done {
                Ok(_) => progress.end(),
                Err(error) => progress.fail(error),
            }
            done
        }
    }
}

impl<'c> Executor<'c> for &'c mut Connection {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Item>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        match self.server() {
            Ok(server) => {
                let (raw, progress) = server.begin_statement();
                Rows::new(raw.fetch_many(query), progress).boxed()
            }
            Err(error) => stream::once(async { Err(error) }).boxed(),
        }
    }

    fn fetch_optional<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxFuture<'e, Result<Option<PgRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        Box::pin(async move {
            let (raw, progress) = self.server()?.begin_statement();
            bounded(progress, raw.fetch_optional(query)).await
        })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, sqlx::Error>>
    where
        'c: 'e,
    {
        Box::pin(async move {
            let (raw, progress) = self.server()?.begin_statement();
            bounded(progress, raw.prepare_with(sql, parameters)).await
        })
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, sqlx::Error>>
    where
        'c: 'e,
    {
        Box::pin(async move {
            let (raw, progress) = self.server()?.begin_statement();
            bounded(progress, raw.describe(sql)).await
        })
    }
}

/// Each statement takes a connection from the pool, and returns it when the statement ends.
impl<'p> Executor<'p> for &'_ Ledger {
    type Database = Postgres;

    /// Reads all rows before it returns the first.
    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Item>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let ledger = self.clone();
        let items = async move {
            let items: Vec<Item> = match ledger.connection().await {
                Ok(mut connection) => connection.fetch_many(query).collect().await,
                Err(error) => vec![Err(error)],
            };
            stream::iter(items)
        };
        stream::once(items).flatten().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxFuture<'e, Result<Option<PgRow>, sqlx::Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let ledger = self.clone();
        Box::pin(async move { ledger.connection().await?.fetch_optional(query).await })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, sqlx::Error>>
    where
        'p: 'e,
    {
        let ledger = self.clone();
        Box::pin(async move {
            let mut connection = ledger.connection().await?;
            connection.prepare_with(sql, parameters).await
        })
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, sqlx::Error>>
    where
        'p: 'e,
    {
        let ledger = self.clone();
        Box::pin(async move { ledger.connection().await?.describe(sql).await })
    }
}
