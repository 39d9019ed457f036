"""What robust features are worth: do they group by the true class, are images restored, are wrong labels overruled?

Paper 03, Fig. 1 and Fig. 2. `method` is a trained `robust_features.RobustFeatures`, `splits` the data of its run.
"""

import numpy as np
import torch

from lnlkit import evaluation
from lnlkit.training import as_inputs, to_unit

N_JUDGED = 2000  # examples, of the training and of the test set
N_DRAWN, N_RESTORED, PERPLEXITY = 400, 6, 30


def judge(method, splits) -> dict[str, float]:
    """Numbers from 0 to 1, but for `views`, on the test images unless said otherwise.

    feature_purity and feature_nmi: k-means of the features, as many clusters as classes, against the true classes.
    cluster_purity and cluster_nmi: the clusters of the method's own head. augmented_error and restored_error: mean
    squared error of T(x) and of its restoration against x. corrected: of the wrongly labelled training images the share
    that is predicted as its true class. views: images that go through the network for each training image.
    extra_parameters: weights of decoder and cluster head, as a share of the network's.
    """
    train = splits.train.take(np.random.default_rng(0).permutation(len(splits.train))[:N_JUDGED])
    index = np.random.default_rng(0).permutation(len(splits.test))[:N_JUDGED]
    x, y, K, wrong = splits.test.x[index], splits.test.y[index], splits.train.n_classes, train.y != train.y_clean
    seen = method.look(x)
    found = _agreement("feature", evaluation.kmeans(seen.features.numpy(), K), y)
    if method.cluster_weight:
        with torch.no_grad():
            own = method.clusters_(seen.features.to(next(method.nets_.parameters()).device)).argmax(1).cpu().numpy()
        found |= _agreement("cluster", own, y)
    if method.rec_weight:
        images = dict(zip(("augmented", "restored"), method.restore(x), strict=True))
        wanted = to_unit(as_inputs(x))
        found |= {f"{name}_error": float((of - wanted).square().mean()) for name, of in images.items()}
    if wrong.any():
        said = method.predict(train.x[wrong]).argmax(1).numpy()
        found["corrected"] = float((said == train.y_clean[wrong]).mean())
    weights = [sum(p.numel() for p in net.parameters()) for net in method.nets_]
    return found | {"views": float(len(method.seen_views)), "extra_parameters": sum(weights[1:]) / weights[0]}


def _agreement(name: str, clusters, y) -> dict[str, float]:
    return {f"{name}_purity": evaluation.purity(clusters, y),
            f"{name}_nmi": evaluation.nmi(clusters, y)}  # fmt: skip


def illustrate(method, splits) -> dict:
    """What Fig. 1 and Fig. 2 show of a run, as lists.

    map: t-SNE coordinates of the features of training images (n, 2), their noisy and clean labels; restored: test
    images, augmented and restored, uint8 (n, H, W[, 3]), where there is a decoder.
    """
    index = np.sort(np.random.default_rng(0).permutation(len(splits.train))[:N_DRAWN])
    some, perplexity = splits.train.take(index), min(PERPLEXITY, (len(index) - 1) / 3)
    features = method.look(some.x).features.numpy()
    if np.ptp(features, axis=0).max() < 1e-6:  # a network that sees no difference has no map
        return {}
    found = {"map": {"x": evaluation.tsne(features, perplexity).astype(float).round(1).tolist(), "y": some.y.tolist(),
                     "y_clean": some.y_clean.tolist()}}  # fmt: skip
    if method.rec_weight:
        x = splits.test.x[:N_RESTORED]
        shown = [(255 * images).round().byte().permute(0, 2, 3, 1).reshape(np.shape(x)) for images in method.restore(x)]
        names = ("images", "augmented", "restored")
        found["restored"] = {name: np.asarray(of).tolist() for name, of in zip(names, (x, *shown), strict=True)}
    return found
