//! [`Disk`]: a store in one file.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::fs::OpenOptions;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mqtt_session::Record;
use redb::backends::FileBackend;
use redb::{
    AccessGuard, Builder, Database, DatabaseError, Durability, ReadTransaction, ReadableTable,
    StorageBackend, Table, TableDefinition, WriteTransaction,
};

use super::rows::{
    self, BadRow, FORMAT, MessageRow, QueueRow, RecordRow, SessionRow, SubscriptionRow, WillRow, filter_key,
    from_bytes, key, number, to_bytes,
};
use super::{Change, Kept, KeptSession, KeptWill, Message, MessageId, SessionId, Store, StoreError};

/// The name of the file in the data folder.
pub const FILE: &str = "mqtt-broker.redb";

/// Bytes of the file that are kept in memory at most. All that is read more than once are the inner pages of its trees.
const CACHE: usize = 32 << 20;

type Definition = TableDefinition<'static, &'static [u8], &'static [u8]>;

const META: Definition = TableDefinition::new("meta");
const SESSIONS: Definition = TableDefinition::new("sessions");
const SUBSCRIPTIONS: Definition = TableDefinition::new("subscriptions");
const MESSAGES: Definition = TableDefinition::new("messages");
const QUEUE: Definition = TableDefinition::new("queue");
const RECORDS: Definition = TableDefinition::new("records");
const SCANS: Definition = TableDefinition::new("scans");
const RETAINED: Definition = TableDefinition::new("retained");
const WILLS: Definition = TableDefinition::new("wills");

/// All tables, so that each is there from the first transaction on.
const TABLES: [Definition; 9] =
    [META, SESSIONS, SUBSCRIPTIONS, SCANS, MESSAGES, QUEUE, RECORDS, RETAINED, WILLS];

/// A backend whose length is safe before anything is written that counts on it.
///
/// redb writes its header in the same sync as the length that the header speaks of; a system that has kept the one and
/// not the other after a crash leaves a file that redb does not open.
#[derive(Debug)]
struct Synced<B>(B);

impl<B: StorageBackend> StorageBackend for Synced<B> {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        self.0.read(offset, len)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)?;
        self.0.sync_data(false)
    }

    fn sync_data(&self, eventual: bool) -> io::Result<()> {
        self.0.sync_data(eventual)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }
}

/// How often something refers to each message. Messages without a reference are not in the file.
type References = HashMap<MessageId, u64>;

/// A store in one file, by redb.
///
/// A transaction that fails leaves the file as it was: it is opened again, and can be used further.
pub struct Disk {
    path: PathBuf,
    open: Box<dyn FnMut() -> Result<Database, DatabaseError> + Send>,
    /// `None` when it could not be opened again after a failure.
    database: Option<Database>,
    references: References,
    /// The number of transactions so far.
    commits: u64,
}

impl Disk {
    /// Opens the file in this folder, and makes both if they are not there.
    ///
    /// # Errors
    /// When the folder cannot be made, and as for [`open`](Self::open).
    pub fn open_in(folder: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(folder)?;
        Self::open(&folder.join(FILE))
    }

    /// Opens the file, and makes it if there is none.
    ///
    /// # Errors
    /// When another process has it, when it is not a store or a damaged one, or one of a later version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        if !path.try_exists()? {
            make(path, &[])?;
        }
        Self::open_existing(path)
    }

    /// Makes the file in this folder, with this in it, unless it is there: whether it has. The file gets its name when all is
    /// in it.
    ///
    /// # Errors
    /// When the folder or the file cannot be made.
    pub fn make_in(folder: &Path, changes: &[Change]) -> Result<bool, StoreError> {
        std::fs::create_dir_all(folder)?;
        make(&folder.join(FILE), changes)
    }

    /// As [`open`](Self::open), when there is a file.
    ///
    /// # Errors
    /// When there is none, and as for [`open`](Self::open).
    pub fn open_existing(path: &Path) -> Result<Self, StoreError> {
        // redb makes a new store of an empty file. A whole one is all that ever gets this name (see `make`), so this one has
        // lost what was in it.
        if std::fs::metadata(path)?.len() == 0 {
            return Err(StoreError::Damaged { path: path.to_owned(), what: "it is empty".to_owned() });
        }
        Self::open_file(path, false)
    }

    fn open_file(path: &Path, create: bool) -> Result<Self, StoreError> {
        let file = path.to_owned();
        Self::with(path, move || {
            let file =
                OpenOptions::new().read(true).write(true).create(create).truncate(false).open(&file)?;
            FileBackend::new(file)
        })
    }

    /// A store in something else than a file: each time it is opened, `backend` makes what it is in.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn with_backend<B: StorageBackend>(
        mut backend: impl FnMut() -> B + Send + 'static,
    ) -> Result<Self, StoreError> {
        Self::with(Path::new("the store"), move || Ok(backend()))
    }

    fn with<B: StorageBackend>(
        path: &Path,
        mut backend: impl FnMut() -> Result<B, DatabaseError> + Send + 'static,
    ) -> Result<Self, StoreError> {
        let open = move || {
            let mut builder = Builder::new();
            builder.set_cache_size(CACHE).create_with_file_format_v3(true);
            builder.create_with_backend(Synced(backend()?))
        };
        let mut this = Self {
            path: path.to_owned(),
            open: Box::new(open),
            database: None,
            references: References::new(),
            commits: 0,
        };
        this.open_again()?;
        Ok(this)
    }

    /// Opens the file, and finds out what is in it: a transaction that failed may be there all the same.
    fn open_again(&mut self) -> Result<(), StoreError> {
        let commits = self.reopen()?;
        if commits != self.commits {
            match self.reading(references) {
                Ok(references) => (self.commits, self.references) = (commits, references),
                Err(error) => {
                    self.close();
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Opens the file and gives back the number of transactions in it.
    fn reopen(&mut self) -> Result<u64, StoreError> {
        // A file can be opened once at a time.
        self.close();
        let open = &mut self.open;
        let database = unwinding(open)
            .unwrap_or_else(|| Err(DatabaseError::Storage(corrupted())))
            .map_err(|error| failure(error.into(), &self.path))?;
        self.database = Some(database);
        match self.reading(|read| Ok((meta(read, "format")?, meta(read, "commits")?)))? {
            (None, _) => {
                self.writing(|write| {
                    for table in TABLES {
                        write.open_table(table)?;
                    }
                    put_meta(write, "format", FORMAT)
                })?;
                Ok(0)
            }
            (Some(FORMAT), commits) => Ok(commits.unwrap_or(0)),
            (Some(format), _) => Err(StoreError::Newer { path: self.path.clone(), format }),
        }
    }

    /// Closes the file. redb writes when it does so, and may panic on a damaged file.
    fn close(&mut self) {
        let database = self.database.take();
        let _ = unwinding(|| drop(database));
    }

    fn database(&mut self) -> Result<&Database, StoreError> {
        if self.database.is_none() {
            self.open_again()?;
        }
        self.database.as_ref().ok_or(StoreError::Full)
    }

    /// Reads by `work`.
    fn reading<T>(
        &mut self,
        work: impl FnOnce(&ReadTransaction) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let database = self.database.as_ref().ok_or(StoreError::Full)?;
        let done = unwinding(|| {
            let transaction = database.begin_read()?;
            work(&transaction)
        });
        done.unwrap_or_else(|| Err(corrupted().into())).map_err(|fault| self.error(fault))
    }

    /// Writes by `work`, in one transaction with one sync.
    fn writing<T>(
        &mut self,
        work: impl FnOnce(&WriteTransaction) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let database = self.database.as_ref().ok_or(StoreError::Full)?;
        let done = unwinding(|| {
            let mut transaction = database.begin_write()?;
            transaction.set_durability(Durability::Immediate);
            let made = work(&transaction)?;
            transaction.commit()?;
            Ok(made)
        });
        done.unwrap_or_else(|| Err(corrupted().into())).map_err(|fault| self.error(fault))
    }

    fn error(&self, fault: Fault) -> StoreError {
        match fault {
            Fault::Redb(error) => failure(*error, &self.path),
            Fault::Row(BadRow(what)) => {
                StoreError::Damaged { path: self.path.clone(), what: what.to_owned() }
            }
        }
    }

    /// Gives room in the file back to the system, when most of it is free. Takes as long as writing it anew.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn compact(&mut self) -> Result<(), StoreError> {
        self.database()?;
        let path = &self.path;
        let Some(database) = &mut self.database else { return Ok(()) };
        while database.compact().map_err(|error| failure(error.into(), path))? {}
        Ok(())
    }

    /// Looks at the checksums of the whole file.
    ///
    /// # Errors
    /// When one is wrong. The database has then put itself right as far as it could, and may have lost something with that.
    pub fn verify(&mut self) -> Result<(), StoreError> {
        self.database()?;
        let path = self.path.clone();
        let damaged = |what: &str| StoreError::Damaged { path: path.clone(), what: what.to_owned() };
        if let Some(database) = &mut self.database {
            let sound =
                unwinding(|| database.check_integrity()).ok_or_else(|| damaged("redb cannot read it"))?;
            if !sound.map_err(|error| failure(error.into(), &path))? {
                return Err(damaged("checksums are wrong; it was repaired"));
            }
        }
        Ok(())
    }

    /// Looks at the whole file: its checksums, that each row can be read, and that what they refer to is there.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&mut self) -> Result<Kept, StoreError> {
        self.verify()?;
        let kept = self.load()?;
        let references = std::mem::take(&mut self.references);
        let unused = self.reading(|read| {
            let mut messages = 0;
            each(read, MESSAGES, |_, _| {
                messages += 1;
                Ok(())
            })?;
            Ok(messages != references.len())
        });
        self.references = references;
        if unused? {
            let what = "there are messages that nothing refers to".to_owned();
            return Err(StoreError::Damaged { path: self.path.clone(), what });
        }
        Ok(kept)
    }
}

impl Store for Disk {
    fn load(&mut self) -> Result<Kept, StoreError> {
        self.database()?;
        self.reading(load)
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        self.database()?;
        let number = self.commits + 1;
        let references = std::mem::take(&mut self.references);
        let done = self.writing(|write| apply(write, changes, number, &references));
        self.references = references;
        let counts = match done {
            Ok(counts) => counts,
            Err(error) => {
                // After an error nothing can be done with the open file. Whether the transaction is in it is known
                // when it is open again: the last sync may have failed when everything was written.
                self.close();
                self.open_again()?;
                return if self.commits == number { Ok(()) } else { Err(error) };
            }
        };
        for (message, count) in counts {
            match count {
                0 => self.references.remove(&message),
                _ => self.references.insert(message, count),
            };
        }
        self.commits = number;
        Ok(())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.close();
    }
}

/// Why a transaction was not done.
enum Fault {
    Redb(Box<redb::Error>),
    Row(BadRow),
}

impl<E: Into<redb::Error>> From<E> for Fault {
    fn from(error: E) -> Self {
        Self::Redb(Box::new(error.into()))
    }
}

impl From<BadRow> for Fault {
    fn from(row: BadRow) -> Self {
        Self::Row(row)
    }
}

/// Makes the file under another name first, unless it is there: one that a crash has left half made is never opened.
pub(super) fn make(path: &Path, changes: &[Change]) -> Result<bool, StoreError> {
    let new = path.with_extension("new");
    if new.try_exists()? {
        // A crash has left it, unless another process is making it.
        if let Err(error @ StoreError::Locked(_)) = Disk::open_file(&new, false) {
            return Err(error);
        }
        std::fs::remove_file(&new)?;
    }
    let mut disk = Disk::open_file(&new, true)?;
    if let Err(error) = disk.commit(changes) {
        drop(disk);
        std::fs::remove_file(&new)?;
        return Err(error);
    }
    // Another process may have been faster. While this one has the new file open, none is.
    if path.try_exists()? {
        drop(disk);
        std::fs::remove_file(&new)?;
        return Ok(false);
    }
    std::fs::rename(&new, path)?;
    drop(disk);
    // The name, too, has to be safe. (Other systems than Unix have no such call.)
    if cfg!(unix) {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        std::fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(true)
}

thread_local! {
    /// Whether this thread is in `unwinding`.
    static UNWINDING: Cell<bool> = const { Cell::new(false) };
}

/// What `work` gives back; `None` when it panics, as redb does on some damaged files.
fn unwinding<T>(work: impl FnOnce() -> T) -> Option<T> {
    let outside = UNWINDING.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work)).ok();
    UNWINDING.set(outside);
    done
}

/// Prints nothing of a panic that [`Disk`] gives back as [`StoreError::Damaged`], as redb has them on some damaged files.
///
/// For programs: the panic hook is one for the whole process.
pub fn print_no_panic_of_damaged_files() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !UNWINDING.get() {
            hook(panic);
        }
    }));
}

fn corrupted() -> redb::StorageError {
    redb::StorageError::Corrupted("it cannot be read".to_owned())
}

fn failure(error: redb::Error, path: &Path) -> StoreError {
    match error {
        redb::Error::DatabaseAlreadyOpen => StoreError::Locked(path.to_owned()),
        redb::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
            StoreError::Damaged { path: path.to_owned(), what: error.to_string() }
        }
        redb::Error::Io(error) => error.into(),
        error => StoreError::Damaged { path: path.to_owned(), what: error.to_string() },
    }
}

fn meta(read: &ReadTransaction, name: &str) -> Result<Option<u64>, Fault> {
    let table = match read.open_table(META) {
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
        table => table?,
    };
    match table.get(name.as_bytes())? {
        Some(value) => Ok(Some(from_bytes(value.value())?)),
        None => Ok(None),
    }
}

fn put_meta(write: &WriteTransaction, name: &str, value: u64) -> Result<(), Fault> {
    write.open_table(META)?.insert(name.as_bytes(), &*to_bytes(&value))?;
    Ok(())
}

/// Goes through a table in order. One that is not there is empty.
fn each(
    read: &ReadTransaction,
    table: Definition,
    mut row: impl FnMut(&[u8], &[u8]) -> Result<(), BadRow>,
) -> Result<(), Fault> {
    let table = match read.open_table(table) {
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(()),
        table => table?,
    };
    for entry in table.iter()? {
        let (key, value) = entry?;
        row(key.value(), value.value())?;
    }
    Ok(())
}

/// The message that a row of `queue`, `retained` or `wills` refers to: it is its first field.
fn message_in(row: &[u8]) -> Result<MessageId, BadRow> {
    postcard::take_from_bytes(row).map(|(message, _)| message).map_err(|_| BadRow("a row cannot be read"))
}

/// The message that a row referred to that is gone.
fn referred(row: Option<AccessGuard<'_, &'static [u8]>>) -> Result<Option<MessageId>, BadRow> {
    row.map(|row| message_in(row.value())).transpose()
}

fn references(read: &ReadTransaction) -> Result<References, Fault> {
    let mut references = References::new();
    for table in [QUEUE, RETAINED, WILLS] {
        each(read, table, |_, row| {
            *references.entry(message_in(row)?).or_default() += 1;
            Ok(())
        })?;
    }
    Ok(references)
}

/// Everything, in memory.
fn load(read: &ReadTransaction) -> Result<Kept, Fault> {
    let mut messages = BTreeMap::new();
    each(read, MESSAGES, |key, row| {
        let (id, _) = number(key)?;
        messages.insert(id, Arc::new(from_bytes::<MessageRow>(row)?.message(id)?));
        Ok(())
    })?;
    let message = |id| messages.get(&id).cloned().ok_or(BadRow("a message is missing"));

    let mut sessions = BTreeMap::new();
    each(read, SESSIONS, |key, row| {
        let (id, _) = number(key)?;
        let SessionRow { client, user, ends_at } = from_bytes(row)?;
        let session = KeptSession {
            id,
            client: client.into(),
            user: user.map(Into::into),
            ends_at,
            subscriptions: Vec::new(),
            scans: Vec::new(),
            queue: Vec::new(),
            records: Vec::new(),
        };
        sessions.insert(id, session);
        Ok(())
    })?;
    let missing = BadRow("a session is missing");
    each(read, SUBSCRIPTIONS, |key, row| {
        let (session, filter) = number(key)?;
        let subscription = from_bytes::<SubscriptionRow>(row)?.subscription(filter)?;
        sessions.get_mut(&session).ok_or(missing)?.subscriptions.push(subscription);
        Ok(())
    })?;
    each(read, SCANS, |key, row| {
        let (session, filter) = number(key)?;
        sessions.get_mut(&session).ok_or(missing)?.scans.push(rows::scan(filter, row)?);
        Ok(())
    })?;
    each(read, QUEUE, |key, row| {
        let (session, rest) = number(key)?;
        let (sequence, _) = number(rest)?;
        let row: QueueRow = from_bytes(row)?;
        let queued = row.queued(sequence, message(row.message)?)?;
        sessions.get_mut(&session).ok_or(missing)?.queue.push(queued);
        Ok(())
    })?;
    let mut records = BTreeMap::new();
    each(read, RECORDS, |key, row| {
        let (session, _) = number(key)?;
        let row: RecordRow = from_bytes(row)?;
        records.insert((session, row.commit, row.change), row.record()?);
        Ok(())
    })?;
    for ((session, _, _), record) in records {
        sessions.get_mut(&session).ok_or(missing)?.records.push(record);
    }

    let mut kept = Kept::default();
    each(read, RETAINED, |_, row| {
        kept.retained.push(message(from_bytes(row)?)?);
        Ok(())
    })?;
    each(read, WILLS, |key, row| {
        let (session, _) = number(key)?;
        let row: WillRow = from_bytes(row)?;
        let will = KeptWill { message: message(row.message)?, delay: row.delay, due: row.due };
        kept.wills.push((session, will));
        Ok(())
    })?;
    let last_session = sessions.keys().copied().chain(kept.wills.iter().map(|(id, _)| *id)).max();
    kept.next_session = last_session.map_or(0, |last| last.saturating_add(1));
    kept.sessions = sessions.into_values().collect();
    Ok(kept)
}

/// Between these are all keys of a session with something in it: the second is behind a sequence number, and no filter has
/// such a byte.
fn keys_of(session: SessionId) -> (Vec<u8>, Vec<u8>) {
    (key(session, &[]), key(session, &[0xFF; 9]))
}

/// The tables of a transaction, open.
struct Tables<'t, 'r> {
    sessions: Rows<'t>,
    subscriptions: Rows<'t>,
    scans: Rows<'t>,
    messages: Rows<'t>,
    queue: Rows<'t>,
    records: Rows<'t>,
    retained: Rows<'t>,
    wills: Rows<'t>,
    references: &'r References,
    /// Of each message that something refers to since this transaction, or does not any more: how often it is referred to,
    /// and the message if it may have to be stored.
    counts: BTreeMap<MessageId, (u64, Option<Arc<Message>>)>,
}

type Rows<'t> = Table<'t, &'static [u8], &'static [u8]>;

/// Does the changes and says how often each message that they are about is referred to.
fn apply(
    write: &WriteTransaction,
    changes: &[Change],
    commit: u64,
    references: &References,
) -> Result<Vec<(MessageId, u64)>, Fault> {
    let mut tables = Tables {
        sessions: write.open_table(SESSIONS)?,
        subscriptions: write.open_table(SUBSCRIPTIONS)?,
        scans: write.open_table(SCANS)?,
        messages: write.open_table(MESSAGES)?,
        queue: write.open_table(QUEUE)?,
        records: write.open_table(RECORDS)?,
        retained: write.open_table(RETAINED)?,
        wills: write.open_table(WILLS)?,
        references,
        counts: BTreeMap::new(),
    };
    for (at, change) in changes.iter().enumerate() {
        tables.apply(change, commit, at)?;
    }
    let counts = tables.store_messages()?;
    put_meta(write, "commits", commit)?;
    Ok(counts)
}

impl Tables<'_, '_> {
    fn apply(&mut self, change: &Change, commit: u64, at: usize) -> Result<(), Fault> {
        match change {
            Change::SessionBegins { session, client, user } => {
                let row = SessionRow { client, user: user.as_deref(), ends_at: None };
                self.sessions.insert(&*key(*session, &[]), &*to_bytes(&row))?;
            }
            Change::SessionEnds { session } => self.session_ends(*session)?,
            Change::SessionEndsAt { session, ends_at } => {
                let key = key(*session, &[]);
                let row = match self.sessions.get(&*key)? {
                    Some(row) => to_bytes(&SessionRow { ends_at: *ends_at, ..from_bytes(row.value())? }),
                    None => return Ok(()),
                };
                self.sessions.insert(&*key, &*row)?;
            }
            Change::Subscribed { session, subscription } => {
                let key = filter_key(*session, &subscription.filter);
                self.subscriptions.insert(&*key, &*to_bytes(&SubscriptionRow::new(subscription)))?;
            }
            Change::Unsubscribed { session, filter } => {
                let key = filter_key(*session, filter);
                self.subscriptions.remove(&*key)?;
                self.scans.remove(&*key)?;
            }
            Change::Scan { session, scan } => {
                let key = filter_key(*session, &scan.filter);
                self.scans.insert(&*key, rows::scan_row(scan))?;
            }
            Change::ScanEnds { session, filter } => {
                self.scans.remove(&*filter_key(*session, filter))?;
            }
            Change::Queued { session, queued } => {
                // The turn that it is of may be committed after the end of the session.
                if self.sessions.get(&*key(*session, &[]))?.is_none() {
                    return Ok(());
                }
                let key = key(*session, &queued.sequence.to_be_bytes());
                let before = referred(self.queue.insert(&*key, &*to_bytes(&QueueRow::new(queued)))?)?;
                self.refer(Some(&queued.message), before);
            }
            Change::Dequeued { session, sequence } => {
                let before = referred(self.queue.remove(&*key(*session, &sequence.to_be_bytes()))?)?;
                self.refer(None, before);
            }
            Change::Recorded { session, record } => self.record(*session, *record, commit, at)?,
            Change::Retained { message } => {
                let publish = message.frame.publish();
                let topic = publish.topic.map_or(&[][..], |topic| topic.as_str().as_bytes());
                let before = referred(self.retained.insert(topic, &*to_bytes(&message.id))?)?;
                self.refer(Some(message), before);
            }
            Change::RetainedRemoved { topic } => {
                let before = referred(self.retained.remove(topic.as_str().as_bytes())?)?;
                self.refer(None, before);
            }
            Change::Will { session, will } => {
                let before =
                    referred(self.wills.insert(&*key(*session, &[]), &*to_bytes(&WillRow::new(will)))?)?;
                self.refer(Some(&will.message), before);
            }
            Change::WillRemoved { session } => {
                let before = referred(self.wills.remove(&*key(*session, &[]))?)?;
                self.refer(None, before);
            }
        }
        Ok(())
    }

    fn session_ends(&mut self, session: SessionId) -> Result<(), Fault> {
        self.sessions.remove(&*key(session, &[]))?;
        let (first, last) = keys_of(session);
        self.subscriptions.retain_in(&*first..&*last, |_, _| false)?;
        self.scans.retain_in(&*first..&*last, |_, _| false)?;
        self.records.retain_in(&*first..&*last, |_, _| false)?;
        let mut messages = Vec::new();
        for entry in self.queue.extract_from_if(&*first..&*last, |_, _| true)? {
            messages.push(message_in(entry?.1.value())?);
        }
        for message in messages {
            self.refer(None, Some(message));
        }
        Ok(())
    }

    fn record(
        &mut self,
        session: SessionId,
        record: Record<u64>,
        commit: u64,
        at: usize,
    ) -> Result<(), Fault> {
        if record == Record::Ended {
            let (first, last) = keys_of(session);
            self.records.retain_in(&*first..&*last, |_, _| false)?;
            return Ok(());
        }
        for key in rows::ended_keys(session, &record) {
            self.records.remove(&*key)?;
        }
        if let Some(key) = rows::record_key(session, &record) {
            self.records.insert(&*key, &*to_bytes(&RecordRow::new(commit, at, record)))?;
        }
        Ok(())
    }

    /// Something refers to `new` that referred to `old`.
    fn refer(&mut self, new: Option<&Arc<Message>>, old: Option<MessageId>) {
        if let Some(message) = new {
            let (count, stored) = self.count(message.id);
            *count += 1;
            *stored = Some(message.clone());
        }
        if let Some(id) = old {
            let (count, _) = self.count(id);
            *count = count.saturating_sub(1);
        }
    }

    fn count(&mut self, id: MessageId) -> &mut (u64, Option<Arc<Message>>) {
        let references = self.references;
        self.counts.entry(id).or_insert_with(|| (references.get(&id).copied().unwrap_or(0), None))
    }

    /// Stores the messages that something refers to since this transaction, and takes away those that nothing does.
    fn store_messages(&mut self) -> Result<Vec<(MessageId, u64)>, Fault> {
        for (id, (count, message)) in &self.counts {
            let key = id.to_be_bytes();
            match (self.references.contains_key(id), *count > 0, message) {
                (false, true, Some(message)) => {
                    self.messages.insert(&key[..], &*to_bytes(&MessageRow::new(message)))?;
                }
                (true, false, _) => {
                    self.messages.remove(&key[..])?;
                }
                _ => {}
            }
        }
        Ok(self.counts.iter().map(|(id, (count, _))| (*id, *count)).collect())
    }
}
