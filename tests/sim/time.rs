//! [`Time`]: simulated time and the tasks that live in it. It moves only when nothing is left to do
//! at an instant, so a run takes the same steps each time. A task belongs to a process, which can be
//! frozen where it waits, or killed.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, VecDeque};
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
    /// Not here while it takes a step.
    rests: Option<(Boxed, Waker)>,
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
    /// By number; the ended ones are gone.
    tasks: RefCell<Vec<Option<Task>>>,
    /// When which task is woken; those of one instant in the order in which they began to wait.
    timers: RefCell<BinaryHeap<Reverse<(Duration, u64, u64)>>>,
    next_timer: Cell<u64>,
    /// The task that takes a step.
    current: Cell<u64>,
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

    /// Begins a task of a process, and returns its number.
    pub fn spawn(&self, process: Process, future: impl Future<Output = ()> + 'static) -> u64 {
        let number = self.0.tasks.borrow().len() as u64;
        let waker = Waker::from(Arc::new(TaskWaker {
            task: number,
            ready: Arc::clone(&self.0.ready),
        }));
        let task = Task {
            process,
            rests: Some((Box::pin(future), waker.clone())),
        };
        self.0.tasks.borrow_mut().push(Some(task));
        waker.wake();
        number
    }

    /// Ends one task where it waits.
    pub fn end(&self, task: u64) {
        let ended = self.0.tasks.borrow_mut()[task as usize].take();
        drop(ended);
    }

    /// Ends all tasks of a process where they wait; its own, as soon as it waits.
    pub fn kill(&self, process: Process) {
        let mut tasks = self.0.tasks.borrow_mut();
        let killed = tasks.iter_mut();
        let killed = killed.filter_map(|task| task.take_if(|task| task.process == process));
        let killed: Vec<_> = killed.collect();
        drop(tasks);
        drop(killed);
        self.0.frozen.borrow_mut().remove(&process);
    }

    /// Whether a process has a task.
    pub fn lives(&self, process: Process) -> bool {
        let tasks = self.0.tasks.borrow();
        tasks.iter().flatten().any(|task| task.process == process)
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
            waits: false,
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
            let Some((due, _, task)) = next.filter(|(due, ..)| *due <= end) else {
                self.0.now.set(end);
                return;
            };
            self.0.timers.borrow_mut().pop();
            self.0.now.set(due.max(self.now()));
            // It may have stopped waiting for that: then it takes a step for nothing.
            self.0.ready.lock().unwrap().push_back(task);
        }
    }

    fn step(&self, number: u64) {
        let mut tasks = self.0.tasks.borrow_mut();
        let Some(task) = &mut tasks[number as usize] else {
            return;
        };
        if self.0.frozen.borrow().contains(&task.process) {
            self.0.thawing.borrow_mut().push(number);
            return;
        }
        let Some((mut future, waker)) = task.rests.take() else {
            return;
        };
        drop(tasks);
        self.0.steps.set(self.steps() + 1);
        self.0.current.set(number);
        let done = future.as_mut().poll(&mut Context::from_waker(&waker));
        let mut tasks = self.0.tasks.borrow_mut();
        let task = &mut tasks[number as usize];
        match (done, task) {
            (Poll::Ready(()), task) => {
                let ended = task.take();
                drop(tasks);
                drop((ended, future));
            }
            (Poll::Pending, Some(task)) => task.rests = Some((future, waker)),
            // It was killed while it ran.
            (Poll::Pending, None) => {
                drop(tasks);
                drop(future);
            }
        }
    }
}

/// Waits until an instant.
pub struct Sleep {
    time: Time,
    deadline: Duration,
    waits: bool,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.time.now() >= self.deadline {
            return Poll::Ready(());
        }
        if !self.waits {
            self.waits = true;
            let inner = &self.time.0;
            let timer = inner.next_timer.get();
            inner.next_timer.set(timer + 1);
            let due = Reverse((self.deadline, timer, inner.current.get()));
            inner.timers.borrow_mut().push(due);
        }
        Poll::Pending
    }
}
