//! The endpoints, one in each file.

mod current_user;
mod signin;
mod signout;
mod signup;
