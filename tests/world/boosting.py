"""Boosters of both libraries: what they print, what they return, what they leave of what they were given."""

import random
import warnings

import lightgbm
import numpy as np
import pandas as pd
import xgboost
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.ensemble import VotingClassifier
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

random.seed(0)
np.random.seed(0)
X, y = load_breast_cancer(return_X_y=True)
learn, check = (X[:400], y[:400]), (X[400:], y[400:])


class Noting(xgboost.callback.TrainingCallback):
    def __init__(self):
        super().__init__()
        self.seen = []

    def before_training(self, model):
        self.seen.append("before")
        return model

    def after_iteration(self, model, epoch, evals_log):
        self.seen.append((epoch, {name: dict(each) for name, each in evals_log.items()}))
        return False

    def after_training(self, model):
        self.seen.append("after")
        return model


def complaints(train, *calls):
    """What is raised for wrong arguments."""
    for wrong in calls:
        try:
            train(*wrong)
            yield None
        except Exception as error:  # noqa: PERF203
            yield type(error).__name__, str(error)


# ---- XGBoost

params = {"objective": "binary:logistic", "nthread": 1, "subsample": 0.5, "seed": 3}
matrix, other = xgboost.DMatrix(*learn), xgboost.DMatrix(*check)
noting, told = Noting(), {}
callbacks = [noting, xgboost.callback.EarlyStopping(rounds=3, save_best=True)]
evals = [(matrix, "train"), (other, "check")]
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    unknown = {**params, "unknown": 1}
    booster = xgboost.train(unknown, matrix, 30, evals=evals, evals_result=told, callbacks=callbacks, verbose_eval=5)
    predicted = booster.predict(other)
    attributes = booster.attributes()
    raw, config = bytes(booster.save_raw("ubj")), booster.save_config()
said = [str(each.message).partition("Parameters")[2] for each in warned], [each.filename for each in warned]
del warned
left = len(callbacks), callbacks[0] is noting, noting.seen, params, matrix.num_row(), matrix.get_label(), len(evals)
more = xgboost.train(params, matrix, 3, xgb_model=booster, verbose_eval=False)
folds = xgboost.cv(params, matrix, 4, nfold=3, verbose_eval=True, metrics=["auc", "logloss"])
estimator = xgboost.XGBClassifier(n_estimators=4, n_jobs=1, eval_metric=["auc", "logloss"])
estimator.fit(*learn, eval_set=[learn, check], verbose=2)
importances = estimator.feature_importances_, booster.get_score(importance_type="gain")
measured = accuracy_score(check[1], estimator.predict(check[0])), estimator.score(*check)
xgb_errors = list(complaints(xgboost.train, (params,), (params, "data"), (params, matrix, "rounds")))

# ---- LightGBM

bagged = {"bagging_fraction": 0.5, "bagging_freq": 1, "seed": 3, "force_col_wise": True}
lgb_params = {"objective": "binary", "num_threads": 1, "verbosity": 1, **bagged}
frame = pd.DataFrame(X[:, :4], columns=list("abcd"))
frame["c"] = pd.Categorical(np.where(X[:, 2] > 90, "high", "low"))
taken = lightgbm.Dataset(frame, y)
valid = lightgbm.Dataset(frame[:100], y[:100], reference=taken, free_raw_data=False)
results = {}
lgb_callbacks = [lightgbm.record_evaluation(results), lightgbm.log_evaluation(2), lightgbm.early_stopping(3)]
orders = [each.order for each in lgb_callbacks]
sets = {"valid_sets": [taken, valid], "valid_names": ["train", "valid"]}
light = lightgbm.train(lgb_params, taken, 20, callbacks=lgb_callbacks, **sets)
lgb_left = orders, [each.order for each in lgb_callbacks], len(lgb_callbacks), lgb_params
lgb_data = taken.data is None, valid.data is None
text, lgb_predicted = light.model_to_string(), light.predict(frame)
whole = lightgbm.Dataset(frame, y, free_raw_data=False)
again = lightgbm.train(lgb_params, whole, 3, init_model=light).model_to_string()
lgb_folds = lightgbm.cv(lgb_params, lightgbm.Dataset(frame, y), 4, nfold=3, return_cvbooster=True)
lgb_texts = [each.model_to_string() for each in lgb_folds.pop("cvbooster").boosters]
words = np.where(y, "good", "bad")
light_estimator = lightgbm.LGBMClassifier(n_estimators=4, n_jobs=1, verbosity=-1).fit(X, words)
lgb_labels = light_estimator.predict(X[:5]), light_estimator.predict_proba(X[:5]), light_estimator.evals_result_
regressor = lightgbm.LGBMRegressor(n_estimators=3, n_jobs=1, verbosity=-1).fit(*load_diabetes(return_X_y=True))
lgb_errors = list(complaints(lightgbm.train, (lgb_params,), (lgb_params, "data"), (lgb_params, whole, 0)))

# ---- both among scikit-learn's

quiet = lightgbm.LGBMClassifier(n_estimators=2, n_jobs=1, verbosity=-1)
voting = VotingClassifier([("x", xgboost.XGBClassifier(n_estimators=2, n_jobs=1)), ("l", quiet)]).fit(X, y)
pipeline = make_pipeline(StandardScaler(), quiet).fit(X, y)
search = GridSearchCV(xgboost.XGBClassifier(n_estimators=2, n_jobs=1), {"max_depth": [1, 2]}, cv=2).fit(X, y)
joined = voting.predict(X), search.cv_results_["mean_test_score"], search.best_params_
drawn = random.random(), np.random.rand(3)
del taken, valid, whole, matrix, other, evals, sets, quiet, search  # which holds times
