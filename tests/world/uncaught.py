"""Dies of a fit that fails inside a pipeline."""

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

print("before", flush=True)
make_pipeline(LogisticRegression(C=-1)).fit([[0.0], [1.0]], [0, 1])
print("never")
