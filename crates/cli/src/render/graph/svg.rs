//! stub
pub fn draw(_: &super::Drawing) -> String {
    String::new()
}
