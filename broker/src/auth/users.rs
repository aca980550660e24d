//! [`Users`]: a file of users.
//!
//! ```text
//! # name : argon2id hash of the password : what SCRAM-SHA-256 needs to know of it
//! alice:$argon2id$v=19$m=19456,t=2,p=1$...$...:$scram-sha-256$i=4096$...$...$...
//! bob:$argon2id$v=19$m=19456,t=2,p=1$...$...
//! ```
//!
//! A line is made by `mqtt-broker passwd FILE USER` ([`Users::set`]). A user without the second part cannot use enhanced
//! authentication.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, PoisonError, RwLock};

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params};
use mqtt_wire::ReasonCode;
use tokio::sync::Semaphore;

use super::file::{self, BadLine, FileError};
use super::scram::{self, Keys, Server};
use super::{Answer, Authenticate, Credentials, Exchange, Refused, Who};

/// The most bytes of memory that a hash in the file may ask for, in KiB; each check takes as much.
const MOST_MEMORY: u32 = 1 << 20;

/// Checks of passwords at a time. Each takes a thread, and 19 MiB with the hashes that [`Users::set`] makes.
const CHECKS: usize = 4;

/// What is checked when a user is not known and the file is empty, so that it takes as long.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5LW5vYm9keQ$Xd8pAcj2yeoKPvwC1n0Vd6Gv6pRvDhPvJrBqh7Rdj5A";

/// The users of a file.
///
/// A client with a checked certificate is the user that it was issued to, whatever else it says of itself.
#[derive(Debug)]
pub struct Users {
    /// `None`: they are of a text.
    path: Option<PathBuf>,
    anonymous: bool,
    list: RwLock<Arc<List>>,
    checks: Arc<Semaphore>,
    /// For the salts that unknown users are told.
    secret: [u8; 32],
}

/// The users by name.
#[derive(Debug, Default, PartialEq, Eq)]
struct List(BTreeMap<String, User>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct User {
    /// In PHC's form, checked.
    hash: String,
    keys: Option<Keys>,
}

impl Users {
    /// Whether a user may have this name: one line of the file, and nothing that the file has a meaning for.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check_name(name: &str) -> Result<(), &'static str> {
        let unfit = |c: char| c == ':' || c.is_control();
        match name {
            "" => Err("a user has no name"),
            name if name.trim() != name => Err("a name cannot begin or end with a space"),
            name if name.starts_with('#') => Err("a name cannot begin with #"),
            name if name.contains(unfit) => Err("a name cannot have a colon or a control character"),
            _ => Ok(()),
        }
    }

    /// The users of this file; with `anonymous`, clients without a user name are let in as well.
    ///
    /// # Errors
    /// When the file cannot be read, or a line is not what it has to be.
    pub fn load(path: &Path, anonymous: bool) -> Result<Self, FileError> {
        let list = file::read(path, List::parse)?;
        Ok(Self::new(list, Some(path.to_owned()), anonymous))
    }

    /// No users: none but clients with a checked certificate are let in.
    pub fn none() -> Self {
        Self::new(List::default(), None, false)
    }

    fn new(list: List, path: Option<PathBuf>, anonymous: bool) -> Self {
        Self {
            path,
            anonymous,
            list: RwLock::new(Arc::new(list)),
            checks: Arc::new(Semaphore::new(CHECKS)),
            secret: rand::random(),
        }
    }

    /// Reads the file again, and gives back the number of users. A client that is connected stays so.
    ///
    /// # Errors
    /// As for [`load`](Self::load); the users are those that they were.
    pub fn reload(&self) -> Result<usize, FileError> {
        let Some(path) = &self.path else { return Ok(self.list().0.len()) };
        let list = file::read(path, List::parse)?;
        let count = list.0.len();
        *self.list.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(list);
        Ok(count)
    }

    /// Gives a user a password, in the file, which is made if there is none. Comments stay.
    ///
    /// # Errors
    /// When the name cannot stand in the file, or that cannot be read or written.
    pub fn set(path: &Path, name: &str, password: &[u8]) -> Result<(), FileError> {
        let error = |what: String| FileError { path: path.to_owned(), line: None, what };
        Self::check_name(name).map_err(|what| error(what.to_owned()))?;
        let user = User::new(password);
        edit(path, name, Some(&format!("{name}:{user}")))
    }

    /// Takes a user out of the file, and says whether there was one.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn remove(path: &Path, name: &str) -> Result<bool, FileError> {
        let known = file::read(path, List::parse)?.0.contains_key(name);
        if known {
            edit(path, name, None)?;
        }
        Ok(known)
    }

    fn list(&self) -> Arc<List> {
        self.list.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn check(&self, name: &str, password: &[u8]) -> bool {
        let Ok(permit) = self.checks.clone().acquire_owned().await else { return false };
        let (list, name, password) = (self.list(), name.to_owned(), password.to_owned());
        let checked = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            list.check(&name, &password)
        });
        checked.await.unwrap_or(false)
    }
}

/// The users of a text without a file; nobody is let in without a user name.
impl FromStr for Users {
    type Err = BadLine;

    fn from_str(text: &str) -> Result<Self, BadLine> {
        Ok(Self::new(List::parse(text)?, None, false))
    }
}

impl Authenticate for Users {
    fn authenticate<'a>(&'a self, credentials: Credentials<'a>) -> Answer<'a, Result<Who, Refused>> {
        Box::pin(async move {
            let who =
                |user: Option<&str>| Who { client: credentials.client.into(), user: user.map(Into::into) };
            match (credentials.certificate, credentials.user) {
                (Some(name), _) => Ok(who(Some(name))),
                (None, None) if self.anonymous => Ok(who(None)),
                (None, None) => Err(Refused { reason: ReasonCode::NOT_AUTHORIZED, why: "no user name" }),
                (None, Some(name)) => {
                    if self.check(name, credentials.password.unwrap_or_default()).await {
                        return Ok(who(Some(name)));
                    }
                    let reason = ReasonCode::BAD_USER_NAME_OR_PASSWORD;
                    Err(Refused { reason, why: "unknown user or wrong password" })
                }
            }
        })
    }

    fn begin(&self, method: &str, client: &str) -> Option<Box<dyn Exchange>> {
        if method != scram::METHOD {
            return None;
        }
        let (list, secret) = (self.list(), self.secret);
        let keys = move |name: &str| list.0.get(name).and_then(|user| user.keys.clone());
        Some(Box::new(Server::new(client, secret, keys)))
    }
}

impl List {
    fn parse(text: &str) -> Result<Self, BadLine> {
        let mut users = BTreeMap::new();
        for (at, line) in file::lines(text) {
            let (name, rest) =
                line.split_once(':').ok_or_else(|| BadLine::new(at, "not of the form name:hash"))?;
            Users::check_name(name).map_err(|what| BadLine::new(at, what))?;
            let user = User::parse(rest).map_err(|what| BadLine::new(at, what))?;
            if users.insert(name.to_owned(), user).is_some() {
                return Err(BadLine::new(at, format!("the user {name} is there twice")));
            }
        }
        Ok(Self(users))
    }

    /// Takes as long for an unknown user as for a known one.
    fn check(&self, name: &str, password: &[u8]) -> bool {
        let known = self.0.get(name);
        let someone = known.or_else(|| self.0.values().next());
        let hash = someone.map_or(NOBODY, |user| &user.hash);
        let verified = PasswordHash::new(hash)
            .and_then(|hash| Argon2::default().verify_password(password, &hash))
            .is_ok();
        verified && known.is_some()
    }
}

impl User {
    fn new(password: &[u8]) -> Self {
        let salt: [u8; 16] = rand::random();
        let hash = SaltString::encode_b64(&salt)
            .and_then(|salt| Ok(Argon2::default().hash_password(password, &salt)?.to_string()));
        // Only a salt or a password beyond their limits make this fail.
        Self { hash: hash.unwrap_or_default(), keys: Keys::new(password, rand::random()) }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let (hash, keys) = text.split_once(':').map_or((text, None), |(hash, keys)| (hash, Some(keys)));
        let parsed = PasswordHash::new(hash).map_err(|error| format!("not a password hash: {error}"))?;
        if parsed.algorithm != Algorithm::Argon2id.ident() || parsed.hash.is_none() {
            return Err("not an argon2id hash".to_owned());
        }
        // `Params` multiplies the lanes by 8, each of which takes as many KiB.
        let mut lanes = parsed.params.iter().filter(|(name, _)| name.as_str() == "p");
        if lanes.any(|(_, lanes)| lanes.decimal().is_ok_and(|lanes| lanes > MOST_MEMORY / 8)) {
            return Err(format!("to check this hash takes more than {MOST_MEMORY} KiB"));
        }
        let params = Params::try_from(&parsed).map_err(|error| format!("not an argon2id hash: {error}"))?;
        if params.m_cost() > MOST_MEMORY {
            return Err(format!("to check this hash takes more than {MOST_MEMORY} KiB"));
        }
        let keys =
            keys.map(|keys| Keys::parse(keys).ok_or("not what SCRAM-SHA-256 needs to know of a password"));
        Ok(Self { hash: hash.to_owned(), keys: keys.transpose()? })
    }
}

/// As it stands in the file, behind the name.
impl std::fmt::Display for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.hash)?;
        self.keys.as_ref().map_or(Ok(()), |keys| write!(f, ":{keys}"))
    }
}

/// Whoever may read and write the file that is there may do so with the new one, which another user may have made.
#[cfg(unix)]
fn keep_access(old: &Path, new: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};

    let old = match std::fs::metadata(old) {
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        old => old?,
    };
    let now = new.metadata()?;
    if (old.uid(), old.gid()) != (now.uid(), now.gid()) {
        fchown(new, Some(old.uid()), Some(old.gid()))
            .map_err(|error| std::io::Error::other(format!("its owner would be another one: {error}")))?;
    }
    new.set_permissions(old.permissions())
}

#[cfg(not(unix))]
fn keep_access(_: &Path, _: &std::fs::File) -> std::io::Result<()> {
    Ok(())
}

/// Puts `new` in the place of a user's line, or at the end; the file is whole at any time.
fn edit(path: &Path, name: &str, new: Option<&str>) -> Result<(), FileError> {
    // The file that links lead to is written anew, and not a link in its place.
    let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let error =
        |cause: std::io::Error| FileError { path: path.to_owned(), line: None, what: cause.to_string() };
    let text = match std::fs::read_to_string(path) {
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => String::new(),
        text => text.map_err(error)?,
    };
    let mut new = new;
    let mut edited = String::new();
    for line in text.lines() {
        let is_the_user = line.trim().split_once(':').is_some_and(|(of, _)| of == name);
        let line = if is_the_user { new.take() } else { Some(line) };
        edited.extend(line.map(|line| format!("{line}\n")));
    }
    edited.extend(new.map(|line| format!("{line}\n")));
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    // Nobody else has to read it.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&temporary).map_err(error)?;
    keep_access(path, &file).map_err(error)?;
    std::io::Write::write_all(&mut file, edited.as_bytes()).and_then(|()| file.sync_all()).map_err(error)?;
    std::fs::rename(&temporary, path).map_err(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials<'a>(user: Option<&'a str>, password: &'a [u8]) -> Credentials<'a> {
        let address = ([127, 0, 0, 1], 1).into();
        Credentials { client: "c", user, password: Some(password), certificate: None, address }
    }

    async fn enters(users: &Users, user: &str, password: &[u8]) -> bool {
        match users.authenticate(credentials(Some(user), password)).await {
            Ok(who) => who == Who { client: "c".into(), user: Some(user.into()) },
            Err(refused) => {
                assert_eq!(refused.reason, ReasonCode::BAD_USER_NAME_OR_PASSWORD);
                false
            }
        }
    }

    #[tokio::test]
    async fn a_user_enters_by_the_password_that_was_set_last() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        std::fs::write(&path, "# our users\n").unwrap();
        Users::set(&path, "alice", b"one").unwrap();
        Users::set(&path, "b o b", &[0xFF, 0]).unwrap();
        let users = Users::load(&path, false).unwrap();
        assert!(enters(&users, "alice", b"one").await && enters(&users, "b o b", &[0xFF, 0]).await);
        for (user, password) in [("alice", &b"two"[..]), ("alice", b""), ("carol", b"one"), ("", b"one")] {
            assert!(!enters(&users, user, password).await, "{user}");
        }
        Users::set(&path, "alice", b"two").unwrap();
        assert!(enters(&users, "alice", b"one").await, "the file is read when that is asked for");
        assert_eq!(users.reload(), Ok(2));
        assert!(enters(&users, "alice", b"two").await && !enters(&users, "alice", b"one").await);

        assert_eq!(Users::remove(&path, "alice"), Ok(true));
        assert_eq!(Users::remove(&path, "alice"), Ok(false));
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# our users\nb o b:$argon2id$v=19$m=19456,t=2,p=1$"), "{text}");
        assert_eq!(text.lines().count(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn who_may_read_the_file_may_read_it_after_a_change() {
        use std::fs::{Permissions, metadata, set_permissions};
        use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        Users::set(&path, "alice", b"one").unwrap();
        assert_eq!(metadata(&path).unwrap().mode() & 0o777, 0o600);
        set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        // Only root may give a file away.
        let is_root = chown(&path, Some(65_534), Some(65_534)).is_ok();
        Users::set(&path, "bob", b"two").unwrap();
        let after = metadata(&path).unwrap();
        assert_eq!(after.mode() & 0o777, 0o640);
        assert_eq!(after.uid() == 65_534, is_root);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_the_file_stays_one_and_no_other_file_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        std::fs::write(file("users.txt"), "# ours\n").unwrap();
        std::fs::write(file("users.new"), "another's\n").unwrap();
        std::os::unix::fs::symlink("users.txt", file("link")).unwrap();
        Users::set(&file("link"), "alice", b"one").unwrap();
        Users::set(&file("users.txt"), "bob", b"two").unwrap();
        assert!(file("link").is_symlink());
        let text = std::fs::read_to_string(file("users.txt")).unwrap();
        assert!(text.starts_with("# ours\nalice:") && text.contains("\nbob:"), "{text}");
        assert_eq!(std::fs::read_to_string(file("users.new")).unwrap(), "another's\n");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
    }

    #[tokio::test]
    async fn who_has_no_user_name_enters_if_that_is_allowed_and_a_certificate_is_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        std::fs::write(&path, "").unwrap();
        for anonymous in [false, true] {
            let users = Users::load(&path, anonymous).unwrap();
            let entered = users.authenticate(credentials(None, b"")).await;
            assert_eq!(entered.is_ok(), anonymous);
            let reason = entered.err().map(|refused| refused.reason);
            assert_eq!(reason, (!anonymous).then_some(ReasonCode::NOT_AUTHORIZED));
            assert!(!enters(&users, "alice", b"one").await);
            let certificate = Credentials { certificate: Some("sensor"), ..credentials(Some("alice"), b"") };
            assert_eq!(users.authenticate(certificate).await.unwrap().user.as_deref(), Some("sensor"));
        }
    }

    #[test]
    fn an_unknown_user_costs_a_check_like_a_known_one() {
        // Both are hashes that a check takes: one that is none would be refused at once.
        assert!(PasswordHash::new(NOBODY).is_ok_and(|hash| hash.hash.is_some()));
        assert!(User::parse(NOBODY).is_ok());
    }

    #[test]
    fn a_bad_line_is_named() {
        let good = User::new(b"x").to_string();
        for (text, line, what) in [
            ("alice".to_owned(), 1, "not of the form name:hash"),
            (format!("alice:{good}\n\nalice:{good}"), 3, "the user alice is there twice"),
            ("alice:secret".to_owned(), 1, "not a password hash"),
            (
                "alice:$argon2i$v=19$m=19456,t=2,p=1$bm9ib2R5LW5vYm9keQ$YWFhYWFhYWFhYWE".to_owned(),
                1,
                "not an argon2id hash",
            ),
            (
                "alice:$argon2id$v=19$m=9999999,t=2,p=1$bm9ib2R5LW5vYm9keQ$YWFhYWFhYWFhYWE".to_owned(),
                1,
                "to check this hash",
            ),
            (
                "alice:$argon2id$v=19$m=19456,t=2,p=4294967295$bm9ib2R5LW5vYm9keQ$YWFhYWFhYWFhYWE".to_owned(),
                1,
                "to check this hash",
            ),
            (format!("alice:{good}x"), 1, "not what SCRAM-SHA-256 needs"),
            (format!(":{good}"), 1, "a user has no name"),
        ] {
            let BadLine { line: at, what: found } = List::parse(&text).unwrap_err();
            assert!(at == line && found.starts_with(what), "{text}: line {at}: {found}");
        }
        for name in ["", " a", "a:b", "a\nb", "#a"] {
            assert!(Users::set(Path::new("/nowhere/users"), name, b"x").is_err(), "{name}");
        }
    }

    #[test]
    fn scram_knows_the_passwords_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        Users::set(&path, "alice", b"one").unwrap();
        let users = Users::load(&path, false).unwrap();
        assert!(users.begin("PLAIN", "c").is_none());
        let mut exchange = users.begin(scram::METHOD, "c").unwrap();
        let first = exchange.step(b"n,,n=alice,r=abc");
        let super::super::Step::Continue(first) = first else { panic!("{first:?}") };
        let last = scram::tests::answer(b"one", "n=alice,r=abc", std::str::from_utf8(&first).unwrap());
        let done = exchange.step(last.as_bytes());
        assert!(
            matches!(&done, super::super::Step::Done(who, _) if who.user.as_deref() == Some("alice")),
            "{done:?}"
        );
    }
}
