//! Sections read, put and taken out, byte for byte.

use super::*;
use proptest::prelude::*;

const DEV: Header<'static> = Header {
    keyword: "profile",
    name: "dev",
};

fn replaced(text: &str) -> String {
    let section = DEV.section("/c.yaml", &[("region", "eu-west-1")]);
    String::from_utf8(put(text.as_bytes(), &find(text.as_bytes(), DEV), &section)).expect("text")
}

#[test]
fn only_the_section_itself_is_replaced() {
    let text = "# mine\n[default]\nregion=x\n\n[profile dev]\nregion = old\ns3 =\n  a = b\n\n; of other\n[profile other]\r\nkey=1\r\n# end";
    insta::assert_snapshot!(replaced(text).replace('\r', "␍"), @r"
    # mine
    [default]
    region=x

    [profile dev]
    # Written by Keyfob from /c.yaml
    region = eu-west-1

    ; of other
    [profile other]␍
    key=1␍
    # end
    ");
}

#[test]
fn headers_are_read_as_aws_tools_read_them() {
    for line in [
        "[profile dev]",
        "[ profile   dev ]",
        "[profile \"dev\"]",
        "[profile DEV] # c",
        "[profile\tdev]",
    ] {
        assert_eq!(find(line.as_bytes(), DEV).len(), 1, "{line}");
    }
    for line in [
        "[dev]",
        "[profiledev]",
        "[profile dev2]",
        "[profile dev",
        "[sso-session dev]",
        "[default]",
    ] {
        assert!(find(line.as_bytes(), DEV).is_empty(), "{line}");
    }
    let header = Header {
        keyword: "",
        name: "dev",
    };
    assert_eq!(find(b"[dev]", header).len(), 1);
}

#[test]
fn a_section_written_twice_by_somebody_is_there_once_afterwards() {
    let text = "[profile dev]\na=1\n[profile x]\nb=2\n[profile dev]\nc=3\n";
    assert_eq!(
        replaced(text),
        "[profile dev]\n# Written by Keyfob from /c.yaml\nregion = eu-west-1\n[profile x]\nb=2\n"
    );
}

fn read(text: &str) -> String {
    let of = "the file";
    let sections = match sections(text, &of) {
        Ok(sections) => sections,
        Err(error) => return error.message,
    };
    let line = |it: &IniSection| {
        let settings: Vec<_> = it
            .settings
            .iter()
            .map(|(key, value)| format!("{key}={}", value.as_str()))
            .collect();
        format!("{} {:?} {}", it.line, it.header, settings.join("|"))
    };
    sections.iter().map(line).collect::<Vec<_>>().join("; ")
}

#[test]
fn settings_are_read_as_botocore_reads_them() {
    for (text, right) in [
        (
            "[a]\n  Key = v\n\tKEY2:w=x",
            r#"1 Some("a") key=v|key2=w=x"#,
        ),
        (
            "\u{feff}[a]\rk=v\r\n[b]",
            r#"1 Some("a") k=v; 3 Some("b") "#,
        ),
        (
            "[a]\ns3 =\n  k = no\n\n  # x\n  l = no\nm = 1\n   2\n",
            r#"1 Some("a") s3=|m=1"#,
        ),
        ("k=v\n  [a]\n  k = v", r#"2 Some("a") k=v"#),
        ("[a]\nno delimiter\n;k=v", r#"1 Some("a") "#),
    ] {
        assert_eq!(read(text).replace("\n2", ""), right, "{text:?}");
    }
    for (text, line) in [("[a]\nk=v\n  [b]", 3), ("[a", 1), ("\n[ ]", 2), ("[]x", 1)] {
        let error = read(text);
        assert!(
            error.contains(&format!("line {line} of the file")),
            "{error}"
        );
    }
}

#[test]
fn an_indented_section_of_someone_else_is_not_taken_along() {
    let text = "[profile dev]\na=1\n  [profile x]\n  b=2\n";
    let found = find(text.as_bytes(), DEV);
    assert_eq!(remove(text.as_bytes(), &found), b"  [profile x]\n  b=2\n");
}

#[test]
fn what_others_added_to_a_section_of_ours_is_told_apart() {
    let text = "[profile dev]\r\n# Written by Keyfob from /c.yaml\r\nRegion = x\r\noutput = json\r\n# End of what Keyfob wrote\r\n# mine\r\ns3 =\r\n  a = b";
    let found = find(text.as_bytes(), DEV);
    let added = found[0].added(text.as_bytes(), &["region"]);
    let right = "output = json\r\n# mine\r\ns3 =\r\n  a = b";
    assert_eq!(String::from_utf8_lossy(&added), right);
}

proptest! {
    #[test]
    fn putting_and_removing_sections_gives_back_every_other_byte(text in "\u{feff}?(([a-z =]{0,9}|\\[[a-z ]{0,9}\\]|\t[a-z]=|#é{0,3})\n{0,3}){0,12}", end in "\n|\r\n|\r") {
        let text = text.replace('\n', &end);
        let ops = Header { keyword: "profile", name: "ops" };
        prop_assume!(find(text.as_bytes(), DEV).is_empty() && find(text.as_bytes(), ops).is_empty());
        let section = |it: Header| it.section("/c.yaml", &[("region", "x")]);
        let one = put(text.as_bytes(), &[], &section(DEV));
        prop_assert!(one.starts_with(text.as_bytes()));
        let two = put(&one, &[], &section(ops));
        prop_assert_eq!(&remove(&two, &find(&two, ops)), &one);
        prop_assert_eq!(&put(&two, &find(&two, DEV), &section(DEV)), &two);
        let mut ours = find(&two, DEV);
        prop_assert_eq!(ours[0].configuration.as_deref(), Some("/c.yaml"));
        prop_assert_eq!(ours[0].added(&two, &["region"]), b"");
        ours.extend(find(&two, ops));
        prop_assert_eq!(&remove(&two, &ours), text.as_bytes());
        let rest = remove(&two, &find(&two, DEV));
        prop_assert_eq!(&remove(&rest, &find(&rest, ops)), text.as_bytes());
    }

    #[test]
    fn no_file_makes_it_panic(text in proptest::collection::vec(any::<u8>(), 0..200)) {
        let found = find(&text, DEV);
        let with = put(&text, &found, b"[profile dev]\nregion = x\n");
        prop_assert_eq!(find(&with, DEV).len(), 1);
    }
}
