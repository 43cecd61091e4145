//! The items of source files, by name.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use syn::{ImplItem, Item, TraitItem, Type};

/// The names that a file defines, as `Ticket`, `Ticket::edit` or `Reserve::HeldByAnother`; in a file of another language, all
/// words.
pub(crate) fn items(file: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(file).unwrap();
    if file.extension().is_some_and(|extension| extension == "rs") {
        let mut names = BTreeSet::new();
        collect(&syn::parse_file(&text).unwrap().items, &mut names);
        return names;
    }
    text.split(|end: char| !end.is_alphanumeric() && end != '_' && end != '-').map(str::to_owned).collect()
}

fn collect(items: &[Item], names: &mut BTreeSet<String>) {
    for item in items {
        let (name, members) = match item {
            Item::Const(item) => (item.ident.to_string(), Vec::new()),
            Item::Static(item) => (item.ident.to_string(), Vec::new()),
            Item::Type(item) => (item.ident.to_string(), Vec::new()),
            Item::Fn(item) => (item.sig.ident.to_string(), Vec::new()),
            Item::Enum(item) => {
                (item.ident.to_string(), item.variants.iter().map(|variant| variant.ident.to_string()).collect())
            }
            Item::Struct(item) => {
                let fields = item.fields.iter().filter_map(|field| field.ident.as_ref());
                (item.ident.to_string(), fields.map(ToString::to_string).collect())
            }
            Item::Trait(item) => (item.ident.to_string(), item.items.iter().filter_map(of_trait).collect()),
            Item::Impl(item) => {
                let Type::Path(owner) = &*item.self_ty else { continue };
                let owner = &owner.path.segments.last().unwrap().ident;
                (owner.to_string(), item.items.iter().filter_map(of_impl).collect())
            }
            Item::Mod(item) => {
                let inside = item.content.as_ref().map(|(_, items)| items.as_slice());
                collect(inside.unwrap_or_default(), names);
                (item.ident.to_string(), Vec::new())
            }
            _ => continue,
        };
        names.extend(members.iter().map(|member| format!("{name}::{member}")));
        // A type is where it is defined, and not where a trait is implemented for it.
        if !matches!(item, Item::Impl(_)) {
            names.insert(name);
        }
    }
}

fn of_trait(item: &TraitItem) -> Option<String> {
    match item {
        TraitItem::Const(item) => Some(item.ident.to_string()),
        TraitItem::Fn(item) => Some(item.sig.ident.to_string()),
        TraitItem::Type(item) => Some(item.ident.to_string()),
        _ => None,
    }
}

fn of_impl(item: &ImplItem) -> Option<String> {
    match item {
        ImplItem::Const(item) => Some(item.ident.to_string()),
        ImplItem::Fn(item) => Some(item.sig.ident.to_string()),
        ImplItem::Type(item) => Some(item.ident.to_string()),
        _ => None,
    }
}
