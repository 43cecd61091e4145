//! The modules of a crate, and which of them each imports.
//!
//! A name that is imported through a re-export counts as an import of the module that defines it. The re-exports of a
//! parent module are the face of its folder, and no import; so are its `mod` lines.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use syn::visit::Visit;
use syn::{Attribute, File, Item, ItemUse, UseTree, Visibility};

/// A module in a file of its own.
#[derive(Debug, Default)]
pub(crate) struct Module {
    /// The names of the modules that it imports, as `crate::settings::load`.
    pub(crate) imports: BTreeSet<String>,
}

/// What a module contains.
#[derive(Default)]
struct Contents {
    items: BTreeSet<String>,
    children: BTreeSet<String>,
    /// Names that `use` brings in, with the whole path of each.
    brought: BTreeMap<String, Vec<String>>,
    /// Every path in the module's code but those of `pub use`.
    paths: Vec<Vec<String>>,
}

/// The modules of the library, or of the program, whose sources are in this folder.
pub(crate) fn modules_of(sources: &Path) -> BTreeMap<String, Module> {
    let mut contents = BTreeMap::new();
    for root in ["lib.rs", "main.rs"] {
        let file = sources.join(root);
        if file.exists() && !contents.contains_key("crate") {
            read(&file, sources, "crate", &mut contents);
        }
    }
    let imports = |(name, module): (&String, &Contents)| {
        let imports = module.paths.iter().filter_map(|path| defining_module(&contents, name, path, 0));
        let imports = imports.filter(|import| import != name).collect();
        (name.clone(), Module { imports })
    };
    contents.iter().map(imports).collect()
}

fn read(file: &Path, folder: &Path, name: &str, all: &mut BTreeMap<String, Contents>) {
    let text = fs::read_to_string(file).unwrap();
    let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let module = contents(&parsed);
    for child in &module.children {
        let (flat, nested) = (folder.join(format!("{child}.rs")), folder.join(child).join("mod.rs"));
        let file = if flat.exists() { flat } else { nested };
        if file.exists() {
            read(&file, &folder.join(child), &format!("{name}::{child}"), all);
        }
    }
    all.insert(name.to_owned(), module);
}

fn contents(file: &File) -> Contents {
    let mut contents = Contents::default();
    for item in &file.items {
        match item {
            Item::Mod(module) if module.content.is_none() => {
                contents.children.insert(module.ident.to_string());
            }
            Item::Use(import) => {
                let mut paths = Vec::new();
                flatten(&import.tree, &mut Vec::new(), &mut paths);
                let is_face = !matches!(import.vis, Visibility::Inherited);
                for (path, bound) in paths {
                    contents.brought.insert(bound, path.clone());
                    if !is_face {
                        contents.paths.push(path);
                    }
                }
            }
            item => {
                contents.items.extend(name_of(item));
                if !is_test(attributes(item)) {
                    Paths(&mut contents.paths).visit_item(item);
                }
            }
        }
    }
    contents
}

/// Collects the paths in code.
struct Paths<'a>(&'a mut Vec<Vec<String>>);

impl Visit<'_> for Paths<'_> {
    fn visit_path(&mut self, path: &syn::Path) {
        self.0.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        syn::visit::visit_path(self, path);
    }

    /// `pub(super)` names a module, and imports nothing of it.
    fn visit_vis_restricted(&mut self, _: &syn::VisRestricted) {}

    fn visit_item_use(&mut self, import: &ItemUse) {
        let mut paths = Vec::new();
        flatten(&import.tree, &mut Vec::new(), &mut paths);
        self.0.extend(paths.into_iter().map(|(path, _)| path));
    }
}

/// The paths of a `use`, each with the name that it brings in.
fn flatten(tree: &UseTree, before: &mut Vec<String>, paths: &mut Vec<(Vec<String>, String)>) {
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            flatten(&path.tree, before, paths);
            before.pop();
        }
        UseTree::Name(name) if name.ident == "self" => {
            paths.push((before.clone(), before.last().cloned().unwrap_or_default()));
        }
        UseTree::Name(name) => {
            let name = name.ident.to_string();
            paths.push(([before.clone(), vec![name.clone()]].concat(), name));
        }
        UseTree::Rename(rename) => {
            paths.push(([before.clone(), vec![rename.ident.to_string()]].concat(), rename.rename.to_string()));
        }
        UseTree::Glob(_) => paths.push((before.clone(), "*".to_owned())),
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, before, paths)),
    }
}

/// The module in which the thing at the end of a path is defined; `None` for what is of another crate.
fn defining_module(all: &BTreeMap<String, Contents>, at: &str, path: &[String], depth: usize) -> Option<String> {
    let (first, rest) = path.split_first()?;
    let contents = all.get(at)?;
    match first.as_str() {
        _ if depth > 20 => None,
        "crate" => walk(all, "crate", rest, depth),
        "self" => walk(all, at, rest, depth),
        "super" => walk(all, at.rsplit_once("::")?.0, rest, depth),
        name if contents.children.contains(name) => walk(all, at, path, depth),
        name => {
            let brought = contents.brought.get(name)?;
            let is_itself = brought.as_slice() == path;
            if is_itself { None } else { defining_module(all, at, &[brought, rest].concat(), depth + 1) }
        }
    }
}

/// Follows the path from a module on.
fn walk(all: &BTreeMap<String, Contents>, at: &str, path: &[String], depth: usize) -> Option<String> {
    let Some((first, rest)) = path.split_first() else { return Some(at.to_owned()) };
    if first == "super" {
        return walk(all, at.rsplit_once("::")?.0, rest, depth);
    }
    let contents = all.get(at)?;
    let child = format!("{at}::{first}");
    if contents.children.contains(first) && all.contains_key(&child) {
        return walk(all, &child, rest, depth);
    }
    if contents.items.contains(first) {
        return Some(at.to_owned());
    }
    match contents.brought.get(first) {
        Some(brought) => defining_module(all, at, brought, depth + 1),
        None => Some(at.to_owned()), // a macro, or what a macro has made
    }
}

fn name_of(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Mod(item) => &item.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Mod(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        _ => &[],
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    let is_test = |attribute: &Attribute| {
        attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Ident>().is_ok_and(|only| only == "test")
    };
    attributes.iter().any(is_test)
}
