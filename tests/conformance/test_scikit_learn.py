"""scikit-learn's checks of estimators, over our estimators; each expected failure has its reason.

scikit-learn's rows of numbers [N, T] are sequences of T steps with one feature here.
"""

import warnings

import pytest

pytest.importorskip("sklearn", reason="scikit-learn is in the extra elman[text]")

from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

import elman
from elman.errors import InputError

SMALL = {"hidden_size": 4, "layers": 1, "epochs": 1, "batch_size": 32}
ESTIMATORS = [elman.SequenceClassifier(**SMALL), elman.SequenceRegressor(**SMALL)]

TIME = "the second axis is time, and a model reads any number of steps"
WORDS = "the error is right, in other words: 'X must be RULE. Got VALUE.'"
ATTRIBUTES = "config, facts, data, model, results, history and folder are attributes of every task"
BATCHES = "repeated rows are drawn into other batches"
BOTH = {
    "check_no_attributes_set_in_init": ATTRIBUTES,
    "check_dont_overwrite_parameters": ATTRIBUTES,
    "check_do_not_raise_errors_in_init_or_set_params": "options are checked when they are given",
    "check_n_features_in_after_fitting": TIME,
    "check_n_features_in": TIME,
    "check_complex_data": WORDS,
    "check_estimators_empty_data_messages": WORDS,
    "check_estimators_nan_inf": WORDS,
    "check_fit2d_predict1d": WORDS,
    "check_requires_y_none": WORDS,
    "check_supervised_y_2d": "y [N, 1] is taken as it is, without a warning",
}
OWN = {
    "SequenceClassifier": {
        "check_sample_weight_equivalence_on_dense_data": BATCHES,
        "check_classifiers_one_label": "one label leaves nothing to learn",
        "check_classifiers_train": TIME,
        "check_classifiers_regression_target": "fractions are labels too, such as ratings of half stars",
        "check_fit2d_1sample": WORDS,
    },
    "SequenceRegressor": {
        "check_sample_weight_equivalence_on_dense_data": BATCHES,
    },
}


def expected_failures(estimator):
    return BOTH | OWN[type(estimator).__name__]


with warnings.catch_warnings():
    # its base class is not ours: scikit-learn is an extra
    warnings.filterwarnings("ignore", message=".*does not inherit from `sklearn.base.BaseEstimator`")
    of_all_checks = parametrize_with_checks(
        ESTIMATORS, expected_failed_checks=expected_failures, xfail_strict=True
    )


@of_all_checks
@pytest.mark.filterwarnings("ignore:InputError occurred during set_params")  # options are checked when given
def test_estimator(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: type(estimator).__name__)
def test_use_before_fit_is_both_kinds_of_error(estimator):
    for kind in (InputError, NotFittedError):
        with pytest.raises(kind, match="is not fitted yet"):
            estimator.predict([[0.0, 1.0]])
