//! The real broker behind the ports.

use std::time::Duration;

use super::announcer::{Announcer, Fresh};
use super::ports::Queue;
use crate::broker::{Announcements, BrokerError, Consumer, Unpublished};
use crate::message::{Delivery, Outgoing, Published, Refused};

impl Queue for Consumer {
    async fn receive(&mut self, most: usize, wait: Duration) -> Result<Vec<Delivery>, BrokerError> {
        self.receive(most, wait).await
    }

    async fn catch_up(&mut self) -> Result<(), BrokerError> {
        self.catch_up().await
    }

    async fn acknowledge_through(&mut self, tag: u64) -> Result<(), BrokerError> {
        self.acknowledge_through(tag).await
    }

    async fn refuse(&mut self, refused: &[Refused]) -> Result<bool, BrokerError> {
        self.refuse(refused).await
    }

    async fn send_tick(&mut self, body: Vec<u8>) -> Result<(), BrokerError> {
        self.send_tick(body).await
    }

    async fn send_probe(&mut self, body: Vec<u8>) -> Result<(), BrokerError> {
        self.send_probe(body).await
    }

    fn returned_probe(&mut self) -> Result<Option<String>, BrokerError> {
        self.returned_probe()
    }

    fn blocked(&self) -> bool {
        self.blocked()
    }

    async fn repair(&mut self) -> Result<bool, BrokerError> {
        self.repair().await
    }
}

impl Announcer for Announcements {
    async fn publish(&mut self, messages: &[Outgoing]) -> Result<Vec<Published>, Unpublished> {
        self.publish(messages).await
    }

    async fn renew(&mut self, how: Fresh) -> Result<(), BrokerError> {
        match how {
            Fresh::Channel => self.renew_channel().await,
            Fresh::Connection => self.renew_connection().await,
        }
    }

    fn blocked(&self) -> Option<String> {
        self.blocked()
    }
}
