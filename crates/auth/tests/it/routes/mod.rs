//! One file for each route, as in the service.

mod current_user;
mod signin;
mod signout;
mod signup;
