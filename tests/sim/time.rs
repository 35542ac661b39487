//! [`Time`]: simulated time and the tasks that live in it. It moves only when nothing is left to do
//! at an instant, so a run takes the same steps each time. A task belongs to a process, which can be
//! frozen where it waits, or killed.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// A process: tasks that are frozen and killed together. 0 is never killed.
pub type Process = u64;

/// At one instant, more steps than that are a loop without an end.
const STEPS_AT_ONCE: u32 = 200_000;

type Boxed = Pin<Box<dyn Future<Output = ()>>>;
type Ready = Arc<Mutex<VecDeque<u64>>>;

struct Task {
    process: Process,
    future: Option<Boxed>,
    waker: Waker,
}

struct TaskWaker {
    task: u64,
    ready: Ready,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.ready.lock().unwrap().push_back(self.task);
    }
}

#[derive(Default)]
struct Inner {
    now: Cell<Duration>,
    next: Cell<u64>,
    tasks: RefCell<BTreeMap<u64, Task>>,
    timers: RefCell<BinaryHeap<Reverse<(Duration, u64)>>>,
    wakers: RefCell<BTreeMap<u64, Waker>>,
    ready: Ready,
    frozen: RefCell<BTreeSet<Process>>,
    /// Woken while frozen.
    thawing: RefCell<Vec<u64>>,
    steps: Cell<u64>,
}

/// The time of one run, and what lives in it.
#[derive(Clone, Default)]
pub struct Time(Rc<Inner>);

impl Time {
    pub fn now(&self) -> Duration {
        self.0.now.get()
    }

    /// How many steps tasks have taken so far.
    pub fn steps(&self) -> u64 {
        self.0.steps.get()
    }

    fn number(&self) -> u64 {
        let number = self.0.next.get();
        self.0.next.set(number + 1);
        number
    }

    /// Begins a task of a process, and returns its number.
    pub fn spawn(&self, process: Process, future: impl Future<Output = ()> + 'static) -> u64 {
        let number = self.number();
        let waker = Waker::from(Arc::new(TaskWaker {
            task: number,
            ready: Arc::clone(&self.0.ready),
        }));
        let task = Task {
            process,
            future: Some(Box::pin(future)),
            waker: waker.clone(),
        };
        self.0.tasks.borrow_mut().insert(number, task);
        waker.wake();
        number
    }

    /// Ends one task where it waits.
    pub fn end(&self, task: u64) {
        let ended = self.0.tasks.borrow_mut().remove(&task);
        drop(ended);
    }

    /// Ends all tasks of a process where they wait; its own, as soon as it waits.
    pub fn kill(&self, process: Process) {
        let mut tasks = self.0.tasks.borrow_mut();
        let killed: Vec<u64> = (tasks.iter())
            .filter(|(_, task)| task.process == process)
            .map(|(number, _)| *number)
            .collect();
        let killed: Vec<_> = killed.iter().filter_map(|one| tasks.remove(one)).collect();
        drop(tasks);
        drop(killed);
        self.0.frozen.borrow_mut().remove(&process);
    }

    /// Whether a process has a task.
    pub fn lives(&self, process: Process) -> bool {
        let tasks = self.0.tasks.borrow();
        tasks.values().any(|task| task.process == process)
    }

    /// Ends everything: tasks and the world know each other, and would never go by themselves.
    pub fn end_all(&self) {
        let tasks = std::mem::take(&mut *self.0.tasks.borrow_mut());
        drop(tasks);
    }

    /// Stops a process where it waits, or lets it go on.
    pub fn freeze(&self, process: Process, frozen: bool) {
        if frozen {
            self.0.frozen.borrow_mut().insert(process);
        } else if self.0.frozen.borrow_mut().remove(&process) {
            let thawing = std::mem::take(&mut *self.0.thawing.borrow_mut());
            self.0.ready.lock().unwrap().extend(thawing);
        }
    }

    pub fn sleep(&self, pause: Duration) -> Sleep {
        self.until(self.now() + pause)
    }

    pub fn until(&self, deadline: Duration) -> Sleep {
        Sleep {
            time: self.clone(),
            deadline,
            timer: None,
        }
    }

    /// Lives until `end`.
    pub fn run_until(&self, end: Duration) {
        loop {
            let mut steps = 0;
            loop {
                let next = self.0.ready.lock().unwrap().pop_front();
                let Some(next) = next else { break };
                steps += 1;
                assert!(steps < STEPS_AT_ONCE, "time stands still");
                self.step(next);
            }
            let next = self.0.timers.borrow().peek().map(|timer| timer.0);
            let Some((due, timer)) = next.filter(|(due, _)| *due <= end) else {
                self.0.now.set(end);
                return;
            };
            self.0.timers.borrow_mut().pop();
            self.0.now.set(due.max(self.now()));
            if let Some(waker) = self.0.wakers.borrow_mut().remove(&timer) {
                waker.wake();
            }
        }
    }

    fn step(&self, number: u64) {
        let mut tasks = self.0.tasks.borrow_mut();
        let Some(task) = tasks.get_mut(&number) else {
            return;
        };
        if self.0.frozen.borrow().contains(&task.process) {
            self.0.thawing.borrow_mut().push(number);
            return;
        }
        let Some(mut future) = task.future.take() else {
            return;
        };
        let waker = task.waker.clone();
        drop(tasks);
        self.0.steps.set(self.steps() + 1);
        let done = future.as_mut().poll(&mut Context::from_waker(&waker));
        let mut tasks = self.0.tasks.borrow_mut();
        match done {
            Poll::Ready(()) => drop(tasks.remove(&number)),
            Poll::Pending => match tasks.get_mut(&number) {
                Some(task) => task.future = Some(future),
                None => {
                    // It was killed while it ran.
                    drop(tasks);
                    drop(future);
                }
            },
        }
    }
}

/// Waits until an instant.
pub struct Sleep {
    time: Time,
    deadline: Duration,
    timer: Option<u64>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.time.now() >= self.deadline {
            return Poll::Ready(());
        }
        if self.timer.is_none() {
            let number = self.time.number();
            self.timer = Some(number);
            let inner = &self.time.0;
            inner
                .wakers
                .borrow_mut()
                .insert(number, context.waker().clone());
            let due = Reverse((self.deadline, number));
            inner.timers.borrow_mut().push(due);
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(timer) = self.timer {
            self.time.0.wakers.borrow_mut().remove(&timer);
        }
    }
}
