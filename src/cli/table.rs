//! Columns for people.

/// Rows of cells, each column as wide as its widest cell, two spaces between. The last column is not filled up. Cells
/// must be escaped.
pub(crate) fn align(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| columns_of(cell)).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
    let line = |row: &Vec<String>| {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            let fill = width.saturating_sub(columns_of(cell)).saturating_add(GAP);
            line.extend(std::iter::repeat_n(' ', fill));
        }
        line.truncate(line.trim_end().len());
        line
    };
    rows.iter().map(line).collect()
}

fn columns_of(cell: &str) -> usize {
    cell.chars().count()
}

const GAP: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rows: &[&[&str]], expect: &[&str]) {
        let rows: Vec<Vec<String>> =
            rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect();
        assert_eq!(align(&rows), expect);
    }

    #[test]
    fn columns_stand_below_each_other() {
        check(&[], &[]);
        check(&[&["a", "bb", "c"], &["größe", "", "d"], &["x"]], &["a      bb  c", "größe      d", "x"]);
    }
}
