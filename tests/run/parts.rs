//! Parts of plans in folders of their own: what they name lies beside them, what they use is the plan's.

use crate::place::Place;

#[test]
fn a_part_finds_its_files_and_the_connections_of_the_plan() {
    let place = Place::with(
        "parts",
        "plan: p\ninputs: { where: { default: shop.db } }\n\
         connections: { main: { server: sqlite, file: \"{{ where }}\" } }\n\
         allow: { backup-before-change: the database is a test's, migrate-unchecked: the test looks }\n\
         steps:\n  - include: common/part.yaml\n",
    );
    place.write(
        "common/part.yaml",
        "plan: part\npart: true\nconnections: { main: { server: sqlite, file: elsewhere.db } }\nsteps:\n  \
         - step: script\n    run: { file: scripts/a.sh }\n    rollback: { run: rm told }\n  \
         - step: other\n    run: { file: ../b.sh }\n    rollback: { run: rm other }\n  \
         - step: schema\n    migrate: { database: main, from: versions/ }\n  \
         - step: rows\n    sql: { database: main, file: rows.sql }\n    rollback: { sql: { database: main, text: DELETE FROM items WHERE id = 1 } }\n  \
         - step: page\n    files: { template: page.txt, to: page.txt }\n",
    );
    place.write("common/scripts/a.sh", "echo script > told\n");
    place.write("b.sh", "echo other > other\n");
    place.write("common/versions/V1__items.sql", "CREATE TABLE items (id INTEGER PRIMARY KEY);\n");
    place.write("common/versions/rollback/V1__rollback.sql", "DROP TABLE IF EXISTS items;\n");
    place.write("common/rows.sql", "INSERT INTO items VALUES (1);\n");
    place.write("common/page.txt", "from the part\n");
    place.sqlite("shop.db", "create table before (id integer)");
    place.apply().ends(0);
    assert_eq!((place.read("told"), place.read("other")), ("script\n".into(), "other\n".into()));
    assert_eq!(place.sqlite("shop.db", "select count(*) from items"), "1");
    assert_eq!(place.read("page.txt"), "from the part\n");
    place.plan(&["rollback"]).ends(0);
    assert!(!place.has("told") && !place.has("page.txt"));
    assert_eq!(place.sqlite("shop.db", "select count(*) from sqlite_schema"), "1");
}
