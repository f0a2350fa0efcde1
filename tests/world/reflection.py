"""Looks at scikit-learn's classes and at fitted models from all sides."""

import copy
import gc
import inspect
import pickle
import pickletools
import weakref

import cloudpickle
import numpy as np
from sklearn import metrics
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

X, y = np.random.RandomState(0).normal(size=(40, 3)), np.arange(40) % 2
_classes = (LogisticRegression, Ridge, SGDClassifier, Pipeline, KMeans, StandardScaler)
names = ("fit", "predict", "score", "fit_predict", "transform", "fit_transform", "predict_proba")
_methods = [getattr(cls, name) for cls in _classes for name in names if hasattr(cls, name)]
_functions = [metrics.accuracy_score, metrics.r2_score, metrics.f1_score, metrics.log_loss]
signatures = [str(inspect.signature(each)) for each in (*_methods, *_functions, *_classes)]
sources = [inspect.getsource(each) for each in (*_methods, *_functions)]
lines = [inspect.getsourcelines(each)[1] for each in (*_methods, *_functions)]
documentation = [inspect.getdoc(each) for each in (*_methods, *_functions)]
qualified = [(each.__module__, each.__qualname__, each.__name__) for each in (*_methods, *_functions)]
arguments = [inspect.getfullargspec(each).args for each in _functions]
defaults = [(each.__defaults__, each.__kwdefaults__, sorted(each.__annotations__)) for each in _functions]
reprs = [repr(each).partition(" at ")[0] for each in (*_methods, *_functions)]
by_reference = [pickle.dumps(each) for each in _functions] + [cloudpickle.dumps(each) for each in _functions]
same = [metrics.accuracy_score is metrics.accuracy_score, LogisticRegression.fit is LogisticRegression.fit]
has = [hasattr(SGDClassifier(loss="hinge"), "predict_proba"), hasattr(SGDClassifier(loss="log_loss"), "predict_proba")]
contents = [sorted(set(vars(cls)) - {"__slotnames__"}) for cls in _classes]  # copyreg notes that where it pickles
model = make_pipeline(StandardScaler(), LogisticRegression(C=2)).fit(X, y)
inside = [sorted(vars(each)) for each in (model, *model)]
copies = [copy.deepcopy(model), copy.copy(model), clone(model), pickle.loads(pickle.dumps(model))]
opcodes = [operation.name for operation, *_ in pickletools.genops(pickle.dumps(model))]
bound = [pickle.dumps(model.predict), pickle.dumps(model.score)]
size = [len(gc.get_referents(model)), weakref.getweakrefcount(StandardScaler())]


def frees():
    """Say whether model, data and predictions are freed as soon as they are dropped, without a collection."""
    trained = LogisticRegression().fit(data := np.array(X), y)
    predicted = trained.predict(data)
    metrics.accuracy_score(y, predicted)
    references = [weakref.ref(each) for each in (trained, data, predicted)]
    gc.disable()
    del trained, data, predicted
    dead = [each() is None for each in references]
    gc.enable()
    return dead


def keeps_locals():
    """Say whether what was written to the dict that `locals()` gives is still there after a fit."""
    locals()["written"] = 1
    Ridge().fit(X, y)
    return locals().get("written")


freed = frees()
written = keeps_locals()
