//! What each statement of the store reads while tables are full (L2): of every statement that a step,
//! a tick, a sweep, a scrape or a request runs, on each database, over both kinds of inventory, over
//! young tables without statistics and over old ones with them.
//!
//! `NODEWARDEN_SCALE` is how many nodes there are (20,000 if it says nothing); the other tables have
//! as many rows, or their share. A bound does not grow with it, so that a larger run is a harder one.

mod bounds;
mod fill;
mod flapping;
mod fleet;
mod import;
mod large;
mod story;

use nodewarden::config::InventoryKind;
use nodewarden_tests::database::Kind;

use fleet::{Age, Fleet};

macro_rules! on_each {
    ($($name:ident: $kind:ident, $inventory:ident, $age:ident;)*) => { $(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let fleet = Fleet::new(Kind::$kind, InventoryKind::$inventory, Age::$age).await;
            let reads = story::tell(&fleet).await;
            bounds::check(&fleet, &reads).await;
        }
    )* };
}

on_each! {
    l2_costs_follow_the_change_on_young_tables_in_sqlite: Sqlite, Native, Young;
    l2_costs_follow_the_change_on_old_tables_in_sqlite: Sqlite, Native, Old;
    l2_costs_follow_the_change_on_young_tables_in_postgresql: Postgres, Native, Young;
    l2_costs_follow_the_change_on_old_tables_in_postgresql: Postgres, Native, Old;
    l2_costs_follow_the_change_on_young_tables_in_mariadb: MySql, Native, Young;
    l2_costs_follow_the_change_on_old_tables_in_mariadb: MySql, Native, Old;
    l2_costs_follow_the_change_on_young_tables_beside_an_ironic_in_sqlite: Sqlite, Ironic, Young;
    l2_costs_follow_the_change_on_old_tables_beside_an_ironic_in_sqlite: Sqlite, Ironic, Old;
    l2_costs_follow_the_change_on_young_tables_beside_an_ironic_in_postgresql: Postgres, Ironic, Young;
    l2_costs_follow_the_change_on_old_tables_beside_an_ironic_in_postgresql: Postgres, Ironic, Old;
    l2_costs_follow_the_change_on_young_tables_beside_an_ironic_in_mariadb: MySql, Ironic, Young;
    l2_costs_follow_the_change_on_old_tables_beside_an_ironic_in_mariadb: MySql, Ironic, Old;
}

macro_rules! flapping_on_each {
    ($($name:ident: $kind:ident, $age:ident;)*) => { $(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            flapping::reads_little(Kind::$kind, Age::$age).await;
        }
    )* };
}

flapping_on_each! {
    l2_a_pair_that_comes_and_goes_costs_no_more_each_time_on_young_tables_in_sqlite: Sqlite, Young;
    l2_a_pair_that_comes_and_goes_costs_no_more_each_time_on_old_tables_in_sqlite: Sqlite, Old;
    l2_a_pair_that_comes_and_goes_costs_no_more_each_time_on_young_tables_in_postgresql: Postgres, Young;
    l2_a_pair_that_comes_and_goes_costs_no_more_each_time_on_old_tables_in_postgresql: Postgres, Old;
    l2_a_pair_that_comes_and_goes_costs_no_more_each_time_on_young_tables_in_mariadb: MySql, Young;
    l2_a_pair_that_comes_and_goes_costs_no_more_each_time_on_old_tables_in_mariadb: MySql, Old;
}

macro_rules! import_on_each {
    ($($name:ident: $kind:ident;)*) => { $(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            import::reads_what_it_compares(Kind::$kind).await;
        }
    )* };
}

import_on_each! {
    l2_an_import_of_the_same_nodes_reads_each_of_them_by_its_key_in_sqlite: Sqlite;
    l2_an_import_of_the_same_nodes_reads_each_of_them_by_its_key_in_postgresql: Postgres;
    l2_an_import_of_the_same_nodes_reads_each_of_them_by_its_key_in_mariadb: MySql;
}

macro_rules! counts_on_each {
    ($($name:ident: $kind:ident, $age:ident;)*) => { $(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            large::counts_behind(Kind::$kind, Age::$age).await;
        }
    )* };
}

counts_on_each! {
    l2_counts_that_are_far_behind_read_each_change_once_on_young_tables_in_sqlite: Sqlite, Young;
    l2_counts_that_are_far_behind_read_each_change_once_on_old_tables_in_sqlite: Sqlite, Old;
    l2_counts_that_are_far_behind_read_each_change_once_on_young_tables_in_postgresql: Postgres, Young;
    l2_counts_that_are_far_behind_read_each_change_once_on_old_tables_in_postgresql: Postgres, Old;
    l2_counts_that_are_far_behind_read_each_change_once_on_young_tables_in_mariadb: MySql, Young;
    l2_counts_that_are_far_behind_read_each_change_once_on_old_tables_in_mariadb: MySql, Old;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l2_a_window_of_a_third_of_all_holds_reads_no_other_one_on_young_tables_in_mariadb() {
    large::window_of_a_third(Age::Young).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l2_a_window_of_a_third_of_all_holds_reads_no_other_one_on_old_tables_in_mariadb() {
    large::window_of_a_third(Age::Old).await;
}
