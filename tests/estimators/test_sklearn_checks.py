"""scikit-learn's own checks of an estimator.

Every check fits on data of a shape of its own, and every shape is compiled: 2 to 4 s each on a cold cache. The checks
named in SLOW do little but fit; they run with `make slow`, and the stories beside this file ask the same of other data.
The default suite keeps every check of the interface and of bad input, and that the network learns.
"""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from gammabeta.estimators import NetworkClassifier, NetworkRegressor

SMALL = {"hidden": (8,), "epochs": 20, "dropout": 0.0, "learning_rate": 0.03, "random_state": 0}

EXPECTED_TO_FAIL = {
    "check_sample_weight_equivalence_on_dense_data": (
        "A row of weight 2 weighs as much in the loss as two rows, but it is one row of a minibatch: two fall into "
        "different ones, and into the medians that scale the inputs. A row of weight 0 does equal an absent row; "
        "test_targets.py tests that bit for bit."
    )
}

SLOW = {
    "check_class_weight_classifiers",
    "check_classifier_data_not_an_array",
    "check_classifiers_classes",
    "check_classifiers_multilabel_output_format_predict",
    "check_classifiers_multilabel_output_format_predict_proba",
    "check_classifiers_multilabel_representation_invariance",
    "check_dict_unchanged",
    "check_dont_overwrite_parameters",
    "check_dtype_object",
    "check_estimators_dtypes",
    "check_estimators_fit_returns_self",
    "check_estimators_overwrite_params",
    "check_estimators_pickle",
    "check_f_contiguous_array_estimator",
    "check_fit2d_1feature",
    "check_fit2d_predict1d",
    "check_fit_check_is_fitted",
    "check_fit_idempotent",
    "check_fit_score_takes_y",
    "check_methods_sample_order_invariance",
    "check_methods_subset_invariance",
    "check_n_features_in",
    "check_n_features_in_after_fitting",
    "check_pipeline_consistency",
    "check_positive_only_tag_during_fit",
    "check_readonly_memmap_input",
    "check_regressor_data_not_an_array",
    "check_regressor_multioutput",
    "check_regressors_int",
    "check_regressors_no_decision_function",
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weights_list",
    "check_sample_weights_not_an_array",
    "check_sample_weights_not_overwritten",
    "check_sample_weights_pandas_series",
    "check_sample_weights_shape",
    "check_supervised_y_2d",
}

checks = parametrize_with_checks(
    [NetworkClassifier(**SMALL), NetworkRegressor(**SMALL)], expected_failed_checks=lambda estimator: EXPECTED_TO_FAIL
)


def marked(case):
    """A case of the parametrization, marked slow where SLOW names its check."""
    values, marks = (case.values, case.marks) if hasattr(case, "marks") else (case, ())
    slow = [pytest.mark.slow] if values[1].func.__name__ in SLOW else []
    return pytest.param(*values, marks=[*marks, *slow])


@pytest.mark.parametrize(("estimator", "check"), list(map(marked, checks.args[1])), ids=checks.kwargs["ids"])
def test_scikit_learn_finds_the_estimator_as_it_should_be(estimator, check):
    check(estimator)
