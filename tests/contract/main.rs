//! The contract of the store, on each kind of database in the same run: what every operation does,
//! with whole values, and what holds when connections, servers and other users get in the way.
//!
//! One story is one test for each kind of database: `story::on_sqlite`, `on_postgresql`, `on_mariadb`;
//! and `on_the_model`, for the model in memory that simulations go by.

/// Makes the tests of a story on some databases.
macro_rules! on {
    ($story:ident: $($name:ident on $kind:ident),*) => { $(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            super::$story(nodewarden_tests::database::Kind::$kind).await;
        }
    )* };
}
/// Makes the tests of each story.
macro_rules! on_each {
    ($($story:ident),* $(,)?) => { $(
        mod $story {
            on!($story: on_sqlite on Sqlite, on_postgresql on Postgres, on_mariadb on MySql);
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_the_model() {
                let story = super::$story(nodewarden_tests::database::Kind::Sqlite);
                crate::modelled::on_the_model(story).await;
            }
        }
    )* };
}
/// Of databases alone: `modelled.rs` says why.
macro_rules! on_databases {
    ($($story:ident),* $(,)?) => { $(
        mod $story {
            on!($story: on_sqlite on Sqlite, on_postgresql on Postgres, on_mariadb on MySql);
        }
    )* };
}
/// Leaves out SQLite, too, which has neither connections to lose nor rows to lock.
macro_rules! on_servers {
    ($($story:ident),* $(,)?) => { $(
        mod $story {
            on!($story: on_postgresql on Postgres, on_mariadb on MySql);
        }
    )* };
}

mod commands;
mod counts;
mod errors;
mod fairness;
mod fence;
mod harness;
mod holds;
mod hosts;
mod locks;
mod looking;
mod memory;
mod modelled;
mod names;
mod receipts;
mod replies;
mod restarts;
mod sessions;
mod slow;
mod survey;
mod tables;
mod together;
mod words;
