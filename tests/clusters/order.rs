//! [`TwoInLine`]: forty events, some of them in the hands of a consumer that is about to lose them, and the
//! next one in line, which must get them in their order.

use std::time::Duration;

use nodewarden::broker::{Consumer, Line, Queue, Session};
use nodewarden::config::{Amqp, Brokers};
use nodewarden::message::Delivery;
use nodewarden_tests::cluster::Cluster;
use nodewarden_tests::database::Kind;
use nodewarden_tests::waiting::eventually;

pub struct TwoInLine {
    /// The bodies of all events, as they were sent.
    sent: Vec<String>,
    taken: Vec<Delivery>,
    first: (Session, Consumer),
    second: (Session, Consumer),
    cluster: Cluster,
}

fn bodies(deliveries: &[Delivery]) -> Vec<String> {
    let body = |delivery: &Delivery| String::from_utf8_lossy(&delivery.body).into_owned();
    deliveries.iter().map(body).collect()
}

async fn in_line(amqp: &Amqp, name: &str) -> (Session, Consumer) {
    let session = Session::open(amqp, name).await.unwrap();
    let consumer = session.consume(name).await.unwrap();
    (session, consumer)
}

impl TwoInLine {
    /// The first is connected to the node that leads the queue.
    pub async fn with(leader: &str, other: &str) -> Self {
        let cluster = Cluster::at(leader, Kind::Sqlite).await;
        let amqp = Amqp {
            batch: 8,
            ..cluster.amqp.clone()
        };
        let there = Amqp {
            url: Brokers::new(other),
            ..amqp.clone()
        };
        let (first, second) = (
            in_line(&amqp, "first").await,
            in_line(&there, "second").await,
        );
        let mut two = Self {
            sent: Vec::new(),
            taken: Vec::new(),
            first,
            second,
            cluster,
        };
        for number in 0..40 {
            let body = serde_json::json!({ "n": number });
            two.cluster.publish("conductor.heartbeat", &body).await;
            two.sent.push(body.to_string());
        }
        let (consumer, taken) = (&mut two.first.1, &mut two.taken);
        eventually("the first has some in hand", async || {
            taken.extend(consumer.receive(8, Duration::from_secs(1)).await.unwrap());
            (taken.len() == 16).then_some(())
        })
        .await;
        assert_eq!(bodies(&two.taken), two.sent[..16]);
        two
    }

    /// The first is asked for more and gets nothing, since it acknowledges nothing; it is not cancelled.
    pub async fn nothing_more(&mut self) {
        let more = self.first.1.receive(8, Duration::from_millis(500)).await;
        assert_eq!(bodies(&more.expect("it is not cancelled")), [""; 0]);
    }

    /// The first acknowledges four of its deliveries.
    pub async fn acknowledge_four(&mut self) {
        let tag = self.taken[3].tag;
        self.first.1.acknowledge_through(tag).await.unwrap();
        self.sent.drain(..4);
    }

    /// The first goes; the second gets all that it had not acknowledged, in order, and all the rest.
    pub async fn second_gets_the_rest_in_order(self) {
        let Self {
            sent,
            first,
            mut second,
            ..
        } = self;
        drop(first);
        let mut rest = Vec::new();
        eventually("the second has all the rest", async || {
            let some = second.1.receive(8, Duration::from_secs(1)).await.unwrap();
            if let Some(last) = some.last() {
                rest.extend(bodies(&some));
                second.1.acknowledge_through(last.tag).await.unwrap();
            }
            (rest.len() >= sent.len()).then_some(())
        })
        .await;
        assert_eq!(rest, sent);
    }
}
