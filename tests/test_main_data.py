"""The rows of the main job: photographs, digits, users' tables."""

import sys
import warnings

import numpy as np
import pandas as pd
from main_job import houses
from sklearn.model_selection import train_test_split

from skfrugal.inspection import load_default_data, load_table


def test_dates_are_read_as_numbers(tmp_path):
    frame = houses().assign(built=pd.Timestamp("2001-01-01"))
    frame["built"] += pd.to_timedelta(np.arange(len(frame)), unit="D")
    frame.to_parquet(tmp_path / "dated.parquet")
    data = load_table(tmp_path / "dated.parquet", "price", random_state=0)
    assert any("Dates were read as seconds: built." == note for note in data.notes)


def test_rows_of_a_table_are_standardised_by_the_training_rows(tmp_path):
    houses().to_csv(tmp_path / "houses.csv", index=False)
    rows = load_table(tmp_path / "houses.csv", "price", random_state=0).rows["regress"]
    np.testing.assert_allclose(rows.X_train.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(rows.X_train.std(axis=0), 1)
    np.testing.assert_allclose(
        [rows.y_train.mean(), rows.y_train.std()], [0, 1], atol=1e-12
    )
    assert abs(rows.X_test.mean()) > 1e-6
    # area, rooms, new, age and three towns; 88 rows have a price.
    assert rows.X_train.shape == (61, 7)
    assert rows.X_test.shape == (27, 7)


def test_nullable_and_categorical_columns_are_read(tmp_path):
    frame = houses()
    frame["rooms"] = frame["rooms"].astype("Int64").mask(frame.index == 2)
    frame["town"] = frame["town"].astype("category")
    frame.to_parquet(tmp_path / "nullable.parquet")
    data = load_table(tmp_path / "nullable.parquet", "rooms", random_state=0)
    assert "1 rows without a value of rooms were dropped." in data.notes
    assert np.isfinite(data.rows["regress"].X_train).all()


def test_large_tables_are_sampled_and_it_is_said(tmp_path):
    houses(16_000).to_parquet(tmp_path / "large.parquet")
    data = load_table(tmp_path / "large.parquet", "price", random_state=0)
    assert len(data.rows["cluster"].X_train) == 10_000
    assert len(data.rows["regress"].X_train) == 2_000
    notes = " ".join(data.notes)
    assert "10000 training rows" in notes
    assert "2000 training rows" in notes


def test_held_out_patches_share_no_pixel_with_training_patches(monkeypatch):
    # Photographs whose pixels know their strip.
    strip = np.arange(640) // 64
    image = np.repeat(strip[None, :, None], 427, axis=0).repeat(3, axis=2)
    images = [image, image + 10]
    monkeypatch.setattr(
        "skfrugal.inspection._datasets.load_sample_images",
        lambda: type("Bunch", (), {"images": images}),
    )
    rows = load_default_data(0).rows["cluster"]
    train, test = (
        set(np.round(X * 255).astype(int).ravel()) for X in (rows.X_train, rows.X_test)
    )
    assert test == {1, 4, 7, 10, 13, 16, 19}
    assert train == set(range(20)) - test


def test_without_pillow_the_digits_stand_in_and_it_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    data = load_default_data(0)
    assert data.name == "scikit-learn's digits"
    assert "need pillow: python -m pip install 'skfrugal[plot]'" in data.notes[0]
    assert data.rows["transform"].feature_shape == (8, 8)
    assert data.rows["regress"].X_train.shape == (2000, 24)


def test_text_that_only_held_out_rows_have_is_taken_quietly(tmp_path):
    frame = houses()
    test = train_test_split(frame.index, test_size=0.3, random_state=0)[1]
    frame.loc[test[0], "town"] = "Oran"
    frame.to_csv(tmp_path / "t.csv", index=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows = load_table(tmp_path / "t.csv", random_state=0).rows["cluster"]
    towns = rows.X_test[0, :3]  # the three that training rows have: all absent
    assert (towns < 0).all()
