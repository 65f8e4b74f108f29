//! Says when a file may have changed, at no cost while it does not: the system reports what happens
//! in its folder. Files that are replaced, links, and folders that come later are seen as well.

use crate::clock::Clock;
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher, recommended_watcher};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::Notify;
use tokio::time::{Interval, interval};

/// Programs write a file in several steps: what happens within this time is one change.
const TOGETHER: Duration = Duration::from_millis(200);
/// Windows says nothing of the end of a folder that is watched: there it is looked at this often.
const LOOK: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub struct FileWatch {
    path: PathBuf,
    /// `None`: this system does not report anything.
    watcher: Option<RecommendedWatcher>,
    folders: BTreeSet<PathBuf>,
    /// When the file was written, and its length; `None`: it is not there.
    written: Option<(SystemTime, u64)>,
    touched: Arc<Notify>,
    is_touched: bool,
    looks: Option<Interval>,
}

impl FileWatch {
    pub fn on(path: &Path) -> FileWatch {
        let touched = Arc::<Notify>::default();
        let seen = touched.clone();
        let watcher = recommended_watcher(move |event: notify::Result<Event>| {
            // Also when some reports were lost.
            if event.map_or(true, |event| !event.kind.is_access()) {
                seen.notify_one();
            }
        });
        if let Err(error) = &watcher {
            tracing::warn!(%error, "changes of files are not reported");
        }
        let mut watch = FileWatch {
            path: path.to_owned(),
            watcher: watcher.ok(),
            folders: BTreeSet::new(),
            written: None,
            touched,
            is_touched: false,
            looks: cfg!(windows).then(|| interval(LOOK)),
        };
        watch.follow();
        watch
    }

    /// Returns once the file may be another. Nothing is lost when the wait is given up.
    pub async fn changed(&mut self) {
        while !self.is_touched {
            tokio::select! {
                () = self.touched.notified() => self.is_touched = true,
                () = next(&mut self.looks) => self.is_touched = self.follow(),
            }
        }
        Clock::nap(TOGETHER).await;
        self.is_touched = false;
        self.follow();
    }

    /// A folder that was removed and made again is another one. Returns whether something
    /// is another than before.
    fn follow(&mut self) -> bool {
        let target = dunce::canonicalize(&self.path).ok();
        let paths = [Some(&self.path), target.as_ref()].into_iter().flatten();
        let folders = paths.filter_map(|path| nearest_folder(path)).collect();
        let before = std::mem::replace(&mut self.folders, folders);
        if let Some(watcher) = &mut self.watcher {
            for folder in &before {
                // One that is gone is not watched any more.
                let _ = watcher.unwatch(folder);
            }
            for folder in &self.folders {
                if let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive) {
                    tracing::warn!(%error, "changes of files are not reported");
                }
            }
        }
        // Only now: what happens from here on is reported.
        let file = fs::metadata(&self.path).ok();
        let written = file.and_then(|file| Some((file.modified().ok()?, file.len())));
        let was_written = std::mem::replace(&mut self.written, written);
        before != self.folders || was_written != self.written
    }
}

/// Never, where nothing is looked at.
async fn next(looks: &mut Option<Interval>) {
    match looks {
        Some(looks) => {
            looks.tick().await;
        }
        None => std::future::pending().await,
    }
}

/// Where the file is, or where something has to happen before it can be there.
fn nearest_folder(path: &Path) -> Option<PathBuf> {
    let folder = path.ancestors().skip(1).find(|folder| folder.is_dir());
    folder.map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::timeout;

    const LIMIT: Duration = Duration::from_secs(10);

    /// A folder that is made between two looks may already hold the file.
    async fn sees(watch: &mut FileWatch, what: &str) {
        let seen = timeout(LIMIT, watch.changed()).await;
        assert!(seen.is_ok(), "not seen: {what}");
        // What belongs to the same change.
        while timeout(TOGETHER * 3, watch.changed()).await.is_ok() {}
    }

    #[tokio::test]
    async fn a_file_is_seen_to_come_change_be_replaced_and_go_also_with_its_folder() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("a/b");
        let file = folder.join("config.yaml");
        let mut watch = FileWatch::on(&file);
        let nothing = timeout(TOGETHER * 2, watch.changed()).await;
        assert!(nothing.is_err(), "nothing happened");
        for round in 0..2 {
            fs::create_dir_all(&folder).expect("it is ours");
            sees(&mut watch, "the folder").await;
            fs::write(&file, "1").expect("it is ours");
            sees(&mut watch, "the file").await;
            fs::write(&file, "2").expect("it is ours");
            sees(&mut watch, "a change").await;
            fs::write(folder.join("new"), "3").expect("it is ours");
            fs::rename(folder.join("new"), &file).expect("it is ours");
            sees(&mut watch, "a replacement").await;
            fs::read(&file).expect("it is there");
            let nothing = timeout(TOGETHER * 2, watch.changed()).await;
            assert!(nothing.is_err(), "it was only read, round {round}");
            fs::remove_file(&file).expect("it is ours");
            sees(&mut watch, "its end").await;
            fs::remove_dir_all(home.path().join("a")).expect("it is ours");
            sees(&mut watch, "the end of its folder").await;
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn what_a_link_leads_to_is_seen_to_change() {
        let home = tempfile::tempdir().expect("a folder");
        let (real, link) = (home.path().join("real"), home.path().join("link"));
        fs::create_dir_all(&real).expect("it is ours");
        fs::create_dir_all(&link).expect("it is ours");
        fs::write(real.join("config.yaml"), "1").expect("it is ours");
        let file = link.join("config.yaml");
        std::os::unix::fs::symlink(real.join("config.yaml"), &file).expect("it is ours");
        let mut watch = FileWatch::on(&file);
        fs::write(real.join("config.yaml"), "2").expect("it is ours");
        sees(&mut watch, "a change behind the link").await;
    }
}
