"""What a quality embedding knows: which labels it distrusts, what it would put in their place, and how right it is.

N examples with label vectors (N, K) of 0 and 1, qualities with D dimensions. Paper 02, Section IV-D.
"""

import numpy as np

from lnlkit import checks, noise, tensors


def decided(probabilities, single: bool) -> np.ndarray:
    """Label vectors (N, K) of 0 and 1 from probabilities: above 1/2, or the largest one where labels are exclusive."""
    p = tensors.probabilities(probabilities, "probabilities")
    return np.eye(p.shape[1], dtype=np.uint8)[p.argmax(1)] if single else (p > 0.5).astype(np.uint8)


def disagrees(p, y) -> np.ndarray:
    """(N,) True where the prediction p, thresholded at 1/2, is not the noisy label vector: the colours of Fig. 7."""
    p, y = _pair(p, y)
    return ((p > 0.5) != (y > 0.5)).any(1)


def _pair(p, y) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and label vectors, (N, K) both."""
    p = tensors.probabilities(p)
    y = checks.label_vectors(y, "y", p.shape[1])
    checks.same_length(p=p, y=y)
    return p, y


def two_means(mu, p, y, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Which examples lie in the untrusted cluster (N,), and a trust score (N,), from quality means mu (N, D).

    2-means, as for Fig. 9. The paper does not say which of the two clusters is the trusted one: here it is the one
    in which the labels y have the smaller mean binary cross-entropy under the prior predictions p. No clean label is
    read. For labels and predictions of 0 and 1 mu(y, y_hat) - f_t(0) = -(mu(y_hat, y) - f_t(0)), and the border between
    two clusters is a hyperplane: where agreement is trusted, it flags at most one of "i for j" and "j for i". The score
    is the distance to the untrusted centre minus that to the trusted one.
    """
    from sklearn.cluster import KMeans

    mu, loss = tensors.scores(mu, "mu").astype(float), label_loss(p, y)
    checks.same_length(mu=mu, p=p)
    if len(mu) < 2:
        raise ValueError("`mu` must hold at least 2 examples, but got 1: two clusters need two.")
    found = KMeans(2, n_init=10, random_state=checks.seed(seed)).fit(mu)
    distance = found.transform(mu)
    trusted = int(loss[found.labels_ == 1].mean() < loss[found.labels_ == 0].mean())
    return found.labels_ != trusted, distance[:, 1 - trusted] - distance[:, trusted]


def label_loss(p, y) -> np.ndarray:
    """Binary cross-entropy (N,) of labels y under predictions p: what small-loss selection would rank by."""
    p, y = _pair(p, y)
    p = np.clip(p.astype(float), 1e-7, 1 - 1e-7)
    return -np.where(y > 0.5, np.log(p), np.log1p(-p)).sum(1)


def auc(score, right) -> float | None:
    """P(the score of a right label > that of a wrong one), ties half; None where all labels are right or all wrong."""
    from sklearn.metrics import roc_auc_score

    score, right = checks.numbers(score, "score", 1), checks.label_vectors(np.reshape(right, (-1, 1)), "right")[:, 0]
    checks.same_length(score=score, right=right)
    return float(roc_auc_score(right, score)) if 0 < right.sum() < len(right) else None


def _share(part, of) -> float | None:
    """The share of `of` that is in `part` too, both (N,) masks; None where there is nothing to share."""
    return float(part[of].mean()) if of.any() else None


def judge(explained, y, y_clean, seed: int = 0) -> dict:
    """How far the quality and the latent labels of training examples can be believed, against their clean labels.

    explained: `methods.quality_embedding.Explained`, or anything with its fields. y, y_clean: (N, K).
    trust_auc and loss_auc: does the trust score, or minus the loss of the prior prediction, rank right labels above
    wrong ones; distance_auc: does the nearness of mu to `agreement`, its value where prediction and label are equal.
    flagged: share of examples in the untrusted cluster; recall: of the wrong label vectors the share that is flagged;
    precision: of the flagged the share that is wrong. corrected and predicted: of the wrong label vectors the share
    whose latent label, or prior prediction, is the clean vector; spoiled: of the right ones the share whose latent
    label is not. latent_right, prior_right and given_right: of all label vectors the share that is right. trusted and
    untrusted: `noise.measured_transitions` from latent to noisy labels in either cluster, and the mean of their
    diagonals over the latent labels that occur.
    mu_sd and sigma: spread of mu over the examples, and sigma, both averaged over the dimensions; where the quality is
    not used they are 0 and the optimum of Eq. (8), sqrt(1 - lambda). Shares of nothing are None.
    """
    p, q, mu = (np.asarray(value) for value in (explained.p, explained.q, explained.mu))
    y, y_clean = checks.label_vectors(y, "y"), checks.label_vectors(y_clean, "y_clean", np.shape(y)[1])
    checks.same_length(p=p, y=y, y_clean=y_clean)
    single = bool((y_clean.sum(1) == 1).all())
    latent, predicted = decided(q, single), decided(p, single)
    wrong = (y != y_clean).any(1)
    flagged, score = two_means(mu, p, y, seed)
    is_clean = {name: (labels == y_clean).all(1) for name, labels in {"latent": latent, "prior": predicted}.items()}
    clusters = {"trusted": ~flagged, "untrusted": flagged}
    transitions = {name: noise.measured_transitions(latent[of], y[of]) for name, of in clusters.items()}
    return {
        "trust_auc": auc(score, ~wrong), "loss_auc": auc(-label_loss(p, y), ~wrong),
        "distance_auc": auc(-np.linalg.norm(mu - np.asarray(explained.agreement), axis=1), ~wrong),
        "mu_sd": float(mu.std(0).mean()), "sigma": float(np.asarray(explained.sigma).mean()),
        "flagged": float(flagged.mean()), "recall": _share(flagged, wrong), "precision": _share(wrong, flagged),
        "corrected": _share(is_clean["latent"], wrong), "predicted": _share(is_clean["prior"], wrong),
        "spoiled": _share(~is_clean["latent"], ~wrong), "given_right": float(1 - wrong.mean()),
        "latent_right": float(is_clean["latent"].mean()), "prior_right": float(is_clean["prior"].mean()),
        **transitions, **{f"{name}_diagonal": _diagonal(T, latent[clusters[name]]) for name, T in transitions.items()},
    }  # fmt: skip


def _diagonal(T, latent) -> float | None:
    """Mean diagonal of transitions (K, K) over the latent labels (n, K) that occur; None where none does."""
    there = latent.any(0)
    return float(np.diag(np.asarray(T))[there].mean()) if there.any() else None


def embed(explained, y, y_clean, n: int = 300, seed: int = 0) -> dict:
    """t-SNE (scikit-learn, perplexity 30) of the quality means of n random examples, with the colours of Fig. 7.

    x: coordinates (n, 2); label: the first noisy label (-1 without any); wrong, flagged, disagrees: 0 or 1 as in
    `judge` and `disagrees`. Neither coordinates nor flags know a clean label.
    """
    from lnlkit import evaluation

    checks.positive_int(n, "n")
    y, y_clean = checks.label_vectors(y, "y"), checks.label_vectors(y_clean, "y_clean", np.shape(y)[1])
    checks.same_length(mu=explained.mu, y=y, y_clean=y_clean)
    wrong = (y != y_clean).any(1)
    index = np.sort(np.random.default_rng(seed).permutation(len(y))[:n])
    flagged = two_means(explained.mu, explained.p, y, seed)[0]
    mu = np.asarray(explained.mu, dtype=float)[index]
    mu = mu + 1e-6 * np.random.default_rng(seed).standard_normal(mu.shape)  # scikit-learn breaks down on equal points
    init = "pca" if mu.shape[1] > 1 else "random"
    x = evaluation.tsne(mu, min(30, (len(index) - 1) / 3), seed, init)
    return {
        "x": x.round(1), "label": np.where(y.any(1), y.argmax(1), -1)[index], "wrong": wrong[index].astype(int),
        "flagged": flagged[index].astype(int), "disagrees": disagrees(explained.p, y)[index].astype(int),
    }  # fmt: skip
