"""The rows on which the main job compares models by default."""

from dataclasses import dataclass, field

import numpy as np
from sklearn.datasets import load_digits, load_sample_images
from sklearn.utils import check_random_state

# The photographs are cut into upright strips of this many pixels, and every third
# strip is held out: no held-out patch shares a pixel with a training patch.
STRIP_WIDTH = 64
PATCH_WIDTH = 16
WINDOW_WIDTH = 5
N_PATCHES = (6000, 3000)
N_WINDOWS = (2000, 2000)
GREY = np.array([0.299, 0.587, 0.114])


class InputError(ValueError):
    """Something that the user gave cannot be used; the message says what to do."""


@dataclass(frozen=True)
class Rows:
    """Rows to fit and held-out rows, with a target for regression.

    Parameters
    ----------
    X_train, X_test : ndarray of shape (n_rows, n_features)
        Features.
    y_train, y_test : ndarray of shape (n_rows,), default=None
        Target.
    feature_shape : tuple of int, default=None
        Shape of a row that is an image.
    """

    X_train: np.ndarray
    X_test: np.ndarray
    y_train: np.ndarray | None = None
    y_test: np.ndarray | None = None
    feature_shape: tuple | None = None


@dataclass(frozen=True)
class JobData:
    """What the main job works on.

    Parameters
    ----------
    name : str
        What the rows are, in a few words.
    rows : dict of str to Rows
        The rows of each task: "transform", "cluster", "regress".
    unavailable : dict of str to str
        Why the other tasks cannot be done.
    notes : tuple of str
        What was done to the data, one sentence each.
    """

    name: str
    rows: dict
    unavailable: dict = field(default_factory=dict)
    notes: tuple = ()


def load_default_data(random_state=None):
    """Cut patches out of scikit-learn's photographs.

    Parameters
    ----------
    random_state : int, RandomState instance or None, default=None
        Draws the positions of the patches.

    Returns
    -------
    data : JobData
        Grey patches of 16 x 16 pixels to transform and to cluster, and windows of
        5 x 5 pixels: how blue the middle one is, from the grey of the other 24. Where
        pillow is missing, scikit-learn's digits stand in and a note says so.

    Examples
    --------
    >>> from skfrugal.inspection import load_default_data
    >>> data = load_default_data(random_state=0)
    >>> data.rows["regress"].X_train.shape[1]
    24
    """
    rng = check_random_state(random_state)
    try:
        photographs = load_sample_images().images
    except ImportError:
        return _digits(rng)
    strips = [
        image[:, left : left + STRIP_WIDTH] / 255
        for image in photographs
        for left in range(0, image.shape[1] - STRIP_WIDTH + 1, STRIP_WIDTH)
    ]
    train, test = [s for i, s in enumerate(strips) if i % 3 != 1], strips[1::3]
    patches = Rows(
        *(
            (_windows(images, PATCH_WIDTH, n, rng) @ GREY).reshape(n, -1)
            for images, n in zip((train, test), N_PATCHES, strict=True)
        ),
        feature_shape=(PATCH_WIDTH, PATCH_WIDTH),
    )
    windows = [
        _windows(images, WINDOW_WIDTH, n, rng)
        for images, n in zip((train, test), N_WINDOWS, strict=True)
    ]
    # The grey of a pixel is a linear function of its neighbours and needs no kernel;
    # its blue is none.
    regression = _middle_from_surroundings(*((w @ GREY, w[..., 2]) for w in windows))
    return JobData(
        "patches of scikit-learn's two photographs",
        {"transform": patches, "cluster": patches, "regress": regression},
        notes=(
            "transform and cluster: grey patches of 16 x 16 pixels; regress: how blue "
            "a pixel is, from the grey of the 24 around it.",
            "Held-out rows come from strips of the photographs that no training row "
            "touches.",
        ),
    )


def _digits(rng):
    images = load_digits().images / 16
    images = images[rng.permutation(len(images))]
    train, test = images[:1200], images[1200:]
    n_pixels = images[0].size
    features = Rows(
        train.reshape(-1, n_pixels),
        test.reshape(-1, n_pixels),
        feature_shape=images[0].shape,
    )
    windows = [
        _windows(images, WINDOW_WIDTH, n, rng)
        for images, n in zip((train, test), N_WINDOWS, strict=True)
    ]
    regression = _middle_from_surroundings(*((w, w) for w in windows))
    return JobData(
        "scikit-learn's digits",
        {"transform": features, "cluster": features, "regress": regression},
        notes=(
            "The digits stand in for the photographs, which need pillow: "
            "python -m pip install 'skfrugal[plot]'.",
            "transform and cluster: the 8 x 8 images; regress: a pixel from the 24 "
            "around it.",
        ),
    )


def _windows(images, width, n_windows, rng):
    """Draw square windows at random positions of random images."""
    windows = np.empty((n_windows, width, width, *images[0].shape[2:]))
    which = rng.randint(len(images), size=n_windows)
    for window, image in zip(windows, which, strict=True):
        height, breadth = np.subtract(images[image].shape[:2], width)
        top, left = rng.randint(height + 1), rng.randint(breadth + 1)
        window[:] = images[image][top : top + width, left : left + width]
    return windows


def _middle_from_surroundings(train, test):
    """Rows whose target is the middle pixel of a window.

    Each argument is a pair: windows of which the surroundings are taken, and windows
    of which the middle is.
    """
    middle = WINDOW_WIDTH**2 // 2
    around, target = zip(
        *(
            (
                np.delete(surroundings.reshape(n_windows, -1), middle, axis=1),
                values.reshape(n_windows, -1)[:, middle],
            )
            for n_windows, (surroundings, values) in zip(
                N_WINDOWS, (train, test), strict=True
            )
        ),
        strict=True,
    )
    # One shift and one scale for all pixels, which share theirs.
    return Rows(*_standardised(*around), *_standardised(*target))


def _standardised(train, test):
    shift, scale = train.mean(), train.std()
    return (train - shift) / scale, (test - shift) / scale
