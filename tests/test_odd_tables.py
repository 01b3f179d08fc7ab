"""Tables whose rows contradict each other, or fit more than one person."""

import numpy as np
import pytest

from medgan_utils.data.sources.people import (
    labels_by_image,
    read_labels,
    read_participants,
    read_table,
)

# Two rows of one subject


def participants(folder, *rows):
    path = folder / "people.tsv"
    path.write_text("\n".join(("participant_id\tage\tsex", *rows)), encoding="utf-8")
    return path


def test_two_ages_of_one_subject_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"people\.tsv has two rows for SUB-00 that differ.*keep"):
        read_participants(participants(tmp_path, "sub-00\t30\tM", "SUB-00\t61\tF"))


def test_a_row_that_is_there_twice_counts_once(tmp_path):
    path = participants(tmp_path, "sub-00\tn/a\tM", "sub-00\tn/a\tM", "sub-01\t40\tF")
    assert list(read_participants(path)) == ["sub-00", "sub-01"]


def test_labels_of_one_file_in_two_spellings_are_refused():
    with pytest.raises(ValueError, match="two rows for SUB-00 that differ"):
        read_labels({"sub-00": {"ill": 0}, "SUB-00": {"ill": 1}})


# Tables as programs write them


def table(folder, text, encoding="utf-8"):
    path = folder / "table.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_the_index_of_pandas_is_no_subject(tmp_path):
    path = table(tmp_path, ",subject,tumour\n0,1,1\n1,2,0\n")
    with pytest.raises(ValueError, match=r"table\.csv: the first column has no name.*index=False"):
        read_labels(path)


def test_two_columns_of_one_name_are_refused(tmp_path):
    with pytest.raises(ValueError, match="two columns 'ill'"):
        read_labels(table(tmp_path, "subject,ill,ill\na,0,1\n"))


def test_a_comma_that_may_part_thousands_is_refused_and_another_is_a_decimal_comma(tmp_path):
    with pytest.raises(ValueError, match="'1,234'"):
        read_labels(table(tmp_path, 'subject,volume\na,"1,234"\nb,900\n'))
    known = read_labels(table(tmp_path, "subject;volume\na;1,25\nb;0,125\n"))
    assert [row["volume"] for row in known.values()] == [1.25, 0.125]


def test_words_for_sex_are_read_whole(tmp_path):
    words = ("Mujer", "weiblich", "Male", "mixed", "missing")
    rows = (f"s{number}\t30\t{word}" for number, word in enumerate(words))
    with pytest.warns(UserWarning, match="missing, mixed say neither"):
        known = read_participants(participants(tmp_path, *rows))
    assert [row["sex"] for row in known.values()] == [0, 0, 1, -1, -1]


def test_what_excel_saves_is_read_or_named(tmp_path):
    text = "subject\till\na\t0\nb\t1\n"
    assert read_labels(table(tmp_path, text, "utf-16"))["b"] == {"ill": 1}
    path = tmp_path / "book.xlsx"
    path.write_bytes(b"PK\x03\x04" + bytes(40))
    with pytest.raises(ValueError, match=r"book\.xlsx is an Excel workbook; save it as CSV"):
        read_labels(path)
    with pytest.raises(ValueError, match=r"table\.csv is no table"):
        read_labels(table(tmp_path, 'subject,ill\na,"' + "0\n" * 140_000))


# Rows that fit several people


@pytest.mark.parametrize("row", ["T1.nii.gz", "T1"])
def test_a_file_name_that_every_patient_has_is_refused(row):
    paths, subjects = ["P1/T1.nii.gz", "P2/T1.nii.gz"], ["P1", "P2"]
    with pytest.raises(ValueError, match=rf"{row} fits .*P1 and P2.*such as P2/T1\.nii\.gz"):
        labels_by_image({row: {"ill": 1}}, paths, subjects, "labels=")
    table = {"P1/T1.nii.gz": {"ill": 1}, "P2": {"ill": 0}}
    assert [row["ill"] for row in labels_by_image(table, paths, subjects, "labels=")] == [1, 0]


def test_a_file_name_that_one_patient_has_twice_counts():
    paths = ["P1/a/T1.nii.gz", "P1/b/T1.nii.gz", "P2/T2.nii.gz"]
    table = {"T1.nii.gz": {"ill": 1}, "T2.nii.gz": {"ill": 0}}
    given = labels_by_image(table, paths, ["P1", "P1", "P2"], "labels=")
    assert [row["ill"] for row in given] == [1, 1, 0]


def test_paths_as_windows_writes_them_are_read(tmp_path):
    known = read_labels(table(tmp_path, "file,ill\nsub-01\\anat\\sub-01_T1w.nii.gz,1\n"))
    assert known == {"sub-01/anat/sub-01_T1w.nii.gz": {"ill": 1}}


def test_age_and_sex_are_sent_to_their_own_option(tmp_path):
    with pytest.raises(ValueError, match=r"participants= .--participants. reads age and sex"):
        read_labels(table(tmp_path, "participant_id,sex\nsub-01,F\n"))


def test_the_label_of_an_absent_slice_is_nobodys():
    table = {"case7_001": {"t": 0}, "case7_099": {"t": 1}}
    paths = ["case7_001.png", "case7_006.png"]
    with pytest.warns(UserWarning):
        first, second = labels_by_image(read_labels(table), paths, ["case7"] * 2, "labels=")
    assert first["t"] == 0 and second.get("t", -1) == -1


def test_a_table_of_people_is_none_of_files():
    table, paths = {"1": {"t": 1}, "2": {"t": 0}}, ["1/2.png", "2/1.png"]
    rows = labels_by_image(read_labels(table), paths, ["1", "2"], "labels=")
    assert [row["t"] for row in rows] == [1, 0]


@pytest.mark.parametrize("cell", ["1_2", "inf"])
def test_what_only_python_calls_a_number_is_none(tmp_path, cell):
    path = tmp_path / "labels.csv"
    path.write_text(f"id,t\nA,{cell}\nB,1\n")
    with pytest.raises(ValueError, match=r"labels\.csv"):
        read_labels(path)


def test_tables_as_excel_saves_them(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("sep=;\nid;tumour;\nA;1;\nB;0;\n")
    assert read_table(path) == [{"id": "A", "tumour": "1"}, {"id": "B", "tumour": "0"}]


def test_labels_may_lack_a_column_and_must_have_names():
    rows = read_labels({"A": {"x": 1}, "B": {"x": 0, "y": 1}})
    assert rows["B"]["y"] == 1
    with pytest.raises(ValueError, match="needs names of labels"):
        read_labels({"A": 1})


@pytest.mark.parametrize("other", ["case1_slice050.png", "case1_slice002.jpg"])
def test_a_row_of_a_slice_that_is_not_here_is_no_row_of_the_others(other):
    table = {"case1_slice001.png": {"ill": 0}, other: {"ill": 1}}
    paths = ["case1_slice001.png", "case1_slice002.png"]
    with pytest.warns(UserWarning, match="rows without an image here"):
        given = labels_by_image(table, paths, ["case1"] * 2, "labels=")
    assert [row["ill"] for row in given] == [0, -1]


def test_ages_with_a_comma_are_read_and_odd_ones_told(tmp_path):
    table = tmp_path / "people.csv"
    table.write_text("id;age;sex\nP1;34,5;F\nP2;061Y;W\nP3;n/a;\n", encoding="utf-8-sig")
    with pytest.warns(UserWarning, match=r"people\.csv: 061Y, W say neither"):
        people = read_participants(table)
    assert people["P1"]["age"] == 34.5 and np.isnan(people["P2"]["age"])


def test_zeros_that_excel_took_away_do_not_matter():
    paths, subjects = ["001/T1.nii.gz", "100/T1.nii.gz"], ["001", "100"]
    given = labels_by_image(read_labels({"1": {"ill": 1}, "100": {"ill": 0}}), paths, subjects, "l")
    assert [row["ill"] for row in given] == [1, 0]
