//! The libraries that serve tokens.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};

use super::error::TokenError;
use super::token::Token;
use crate::uri::TokenUri;
use crate::{KeyError, Person};

/// How a token is named where nobody can choose one.
const BY_URI: &str =
    "name the token by its label or serial number ('pkcs11:token=LABEL;serial=N', as plimsoll key list shows it)";

/// A library that was loaded and initialized.
pub(super) struct Module {
    pub(super) path: PathBuf,
    pub(super) calls: Pkcs11,
    /// Who is logged in is the whole process' (PKCS#11 2.40 base, section 5.6.7): one works with a token at a time.
    pub(super) turn: Mutex<()>,
}

/// The modules of this process. They are initialized once and stay.
static LOADED: LazyLock<Mutex<BTreeMap<PathBuf, Arc<Module>>>> = LazyLock::new(Mutex::default);

/// Where distributions put modules.
const PLACES: [&str; 10] = [
    "/usr/lib/x86_64-linux-gnu/pkcs11",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu/pkcs11",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64/pkcs11",
    "/usr/lib64",
    "/usr/lib/pkcs11",
    "/usr/lib/softhsm",
    "/usr/local/lib",
    "/opt/homebrew/lib",
];

/// Which modules are asked for tokens.
#[derive(Clone, Debug, Default)]
pub struct Modules(pub Vec<PathBuf>);

impl Modules {
    /// The tokens that fit the URI, in all modules that it may mean.
    pub fn tokens(&self, uri: &TokenUri) -> Result<Vec<Token>, KeyError> {
        let paths = self.meant(uri)?;
        let mut found = Vec::new();
        let mut failed = None;
        for path in &paths {
            match load(path) {
                Ok(module) => found.extend(Token::all(&module)?.into_iter().filter(|token| token.fits(uri))),
                // One of several that is broken does not hide what the others have.
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            Some(error) if found.is_empty() => Err(error),
            _ => Ok(found),
        }
    }

    /// The one token that fits the URI; of several the person says which.
    pub fn token(&self, uri: &TokenUri, person: &dyn Person) -> Result<Token, KeyError> {
        let mut found = self.tokens(uri)?;
        match found.len() {
            0 => {
                let there: Vec<_> = self.everything(uri)?.iter().map(|token| token.name().to_owned()).collect();
                let there = if there.is_empty() {
                    "there is no token at all; plug it in, or make one (softhsm2-util --init-token)".to_owned()
                } else {
                    format!("there are: {}", there.join(", "))
                };
                Err(TokenError::NoToken { uri: uri.to_string(), there }.into())
            }
            1 => Ok(found.remove(0)),
            _ => {
                let choices: Vec<String> = found.iter().map(Token::described).collect();
                let chosen = person.choose("which token", &choices).map_err(|error| error.or_instead(BY_URI))?;
                if chosen < found.len() { Ok(found.swap_remove(chosen)) } else { Err(KeyError::Cancelled) }
            }
        }
    }

    fn everything(&self, uri: &TokenUri) -> Result<Vec<Token>, KeyError> {
        let (module_path, module_name) = (uri.module_path.clone(), uri.module_name.clone());
        self.tokens(&TokenUri { module_path, module_name, ..TokenUri::default() })
    }

    fn meant(&self, uri: &TokenUri) -> Result<Vec<PathBuf>, KeyError> {
        if let Some(path) = &uri.module_path {
            return Ok(vec![path.clone()]);
        }
        if let Some(name) = &uri.module_name {
            return Ok(vec![named(name)?]);
        }
        if self.0.is_empty() { Err(TokenError::NoModule.into()) } else { Ok(self.0.clone()) }
    }
}

/// The file of a module's name (RFC 7512 section 2.3: as `NAME.so`, with or without `lib`).
fn named(name: &str) -> Result<PathBuf, KeyError> {
    let files = [format!("{name}.so"), format!("lib{name}.so"), format!("{name}.dylib"), format!("lib{name}.dylib")];
    PLACES
        .iter()
        .flat_map(|place| files.iter().map(move |file| Path::new(place).join(file)))
        .find(|path| path.is_file())
        .ok_or_else(|| {
            let places = PLACES.map(str::to_owned).to_vec();
            TokenError::UnknownModule { name: name.to_owned(), places }.into()
        })
}

pub(super) fn load(path: &Path) -> Result<Arc<Module>, KeyError> {
    let fail = |reason: String| KeyError::from(TokenError::Module { path: path.to_owned(), reason });
    if !path.is_absolute() {
        return Err(fail("its path is not absolute".into()));
    }
    // Under two names it is one library, which may be initialized once.
    let path = &path.canonicalize().map_err(|error| fail(error.to_string()))?;
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(module) = loaded.get(path) {
        return Ok(Arc::clone(module));
    }
    let calls = Pkcs11::new(path).map_err(|error| fail(error.to_string()))?;
    match calls.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(error) => return Err(fail(error.to_string())),
    }
    let module = Arc::new(Module { path: path.clone(), calls, turn: Mutex::new(()) });
    loaded.insert(path.clone(), Arc::clone(&module));
    Ok(module)
}
