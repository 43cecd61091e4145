//! Which service is asked for a path.

use faults::services::serving;

#[test]
fn a_path_belongs_to_the_service_with_its_prefix() {
    let name = |path| serving(path).map(|program| program.name);
    assert_eq!(name("/api/users/signup"), Some("auth"));
    assert_eq!(name("/api/tickets/1"), Some("tickets"));
    assert_eq!(name("/api/orders"), Some("orders"));
    assert_eq!(name("/api/unknown"), None);
}
