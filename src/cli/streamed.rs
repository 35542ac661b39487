//! [`Streamed`]: a list that is read a page at a time and printed as it is read.

use super::{Failure, Output, output};
use crate::config::Settings;

/// A command whose answer may be long.
pub trait Streamed: Sized {
    /// Hands each page to `print`, until there is none or `print` says that nothing reads them any more.
    async fn stream(
        &self,
        settings: &Settings,
        output: Output,
        print: impl FnMut(&str) -> Result<bool, Failure>,
    ) -> Result<(), Failure>;

    /// Prints the pages.
    async fn run(self, settings: &Settings, output: Output) -> Result<(), Failure> {
        self.stream(settings, output, |text| Ok(output::part(text)?))
            .await
    }

    /// The whole text.
    async fn answer(&self, settings: &Settings, output: Output) -> Result<String, Failure> {
        let mut all = String::new();
        let take = |text: &str| {
            all.push_str(text);
            Ok(true)
        };
        self.stream(settings, output, take).await?;
        Ok(all)
    }
}
