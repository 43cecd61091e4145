//! The pages, one in each file: what it shows, and what its forms do.

mod cards;
mod form;
mod frame;
mod landing;
mod list;
mod mine;
mod offer;
mod order;
mod orders;
mod purchase;
mod redirect;
mod sign;
mod signout;
mod stage;
mod ticket;

pub(crate) use form::{away, page_with};
pub(crate) use frame::{Frame, Viewer};
pub(crate) use landing::show_landing;
pub(crate) use mine::show_mine;
pub(crate) use offer::{edit_ticket, sell_ticket, show_edit, show_new};
pub(crate) use order::{cancel_order, pay_order, show_order, to_order};
pub(crate) use orders::show_orders;
pub(crate) use purchase::{purchase, to_ticket};
pub(crate) use redirect::{Next, see_other};
pub(crate) use sign::{show_signin, show_signup, sign_in, sign_up};
pub(crate) use signout::{show_signout, sign_out};
pub(crate) use ticket::show_ticket;
