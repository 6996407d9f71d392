"""From customers' answers to a score that is fair to the rep: the method, told once.

What a score answers
    If every rep had served the same customers in an average territory, how satisfied would their customers have said
    they are? A plain mean does not answer that. A rep with many new customers, or in a region where deliveries come
    late for everybody, looks worse than they are, and a rep with six answers looks better or worse than anybody knows.
    So two things are taken out of the mean, what the customers bring and what the territory brings, and one thing is
    put in: how sure the result is. Nothing about the rep is ever adjusted for.

1. Every answer becomes points from 0 to 100
    The worst answer is 0, the best 100. "Not applicable", blank and off the scale are missing, never the middle and
    never zero. A customer counts once per rep, however many people answered there and however often; a company may
    decide to let every answer count instead. Beside the mean stands the share of best answers. Nothing is clipped
    while it is computed.

2. Only what the rep cannot choose is adjusted for
    An adjuster (segment, size, tenure, language, how people were asked …) is fixed before the period or set by the
    survey's own design, is likely to shift how a customer answers, and has a written reason; a spec without the
    reason is refused. The machine objects, in a finding, to an adjuster that never varies where it could be learnt
    from, that others determine, that is unknown too often, or that differs so much between reps of one territory that
    they may have chosen it. What is unknown about a customer is filled with the mean of the rep's other customers
    (CAHPS).

3. Customer mix is learnt inside, never between
    An answer is a sum: y = x′β + the rep-by-territory cell + chance, x what is known of the customer. What an
    attribute is worth is learnt only from customers of the same rep in the same territory who differ in it. If good
    reps happen to have the easy customers, comparing reps would mistake their merit for the customers' ease; the
    inside comparison does not (Mundlak 1978; Kalbfleisch and Wolfe 2013). The step of a rep is minus the difference
    between their mix and everybody's, times these slopes, one line per attribute. Published with it: whether rep
    quality goes with mix (Mundlak's test), whether the slopes differ from cell to cell, and how much each attribute
    matters (O'Malley et al. 2005).

4. Territory is estimated together with the reps
    A rep-by-territory cell's mean after mix is an overall level plus the rep plus the territory plus chance, m = μ +
    θ + τ + e, the variance of e being that of one customer over the number of customers. θ and τ are drawn from
    distributions whose variances the data choose (Henderson 1975; restricted maximum likelihood, Patterson and
    Thompson 1971), so a territory with little evidence is moved little. Three policies, decided before the period:
    *pooled* as just said, which assumes that good reps are spread alike over territories, and says so; *peer*, which
    compares colleagues of one territory only; *company*, which takes no territory step. Too few territories, and the
    policy becomes company, with a finding. For each rep it is said what is identified at all: compared through reps
    who link territories (A), only with colleagues (B), or not to be told from the territory (C: no territory step,
    and a wider interval). What would be reported at peer and at company stands beside every score as a range.

5. The steps add up
    raw + customer mix + territory + centring = adjusted. Centring is one number for all, chosen so that the weighted
    mean of all scores stays the weighted mean of all answers. A score whose steps do not add up cannot be made. A
    composite adjusts every item first and combines afterwards, with weights agreed before the period.

6. How sure: the customer is the unit
    Answers of one customer are not independent of each other, so they are summed before they are squared (Liang and
    Zeger 1986). A cell's own variance is smoothed towards everybody's, so that five customers who agree are not taken
    for certainty (CAHPS). Customers shared between reps, the uncertainty of the slopes, and that of the territory are
    carried along; so is the uncertainty of the variances themselves, by averaging over likely values. Few customers
    mean few degrees of freedom (Satterthwaite 1946) and a wider interval. In simulation the 95 % intervals of the
    pooled policy cover the truth about as often as they should. What the interval is about is α = θ less the weighted
    mean of all θ: the rep against everybody scored in the same run.

7. What is reported is shrunk once
    The reported score is the best prediction of the rep's own part: the adjusted score drawn towards the mean, the
    more the less is known. *Reliability* is the share of the variance between reps that the score tells us about.
    Evidence has four words: *withheld* below five customers (the answers could be read back), *thin* below .40 or
    when one customer has too much weight, *provisional* below .70, *full* from there. Thin is neutral, never a
    penalty. Below eight reps the output only describes. Beside a withheld item a second one is withheld, so that the
    first cannot be worked out from the composite. How many answers a reliability takes, and whether one period can
    bring them, two, or none, is said before anybody is asked.

    On the website a run does without what is withheld altogether: ratings of a rep on an item that fewer than five
    customers rated do not enter it, an attribute's value counts as unknown where fewer than five customers tell its
    effect, and what is new waits until it cannot be read from two or more runs. So no number that is published rests
    on a withheld answer, and no sum or difference of raw scores tells the mean of fewer than five customers. It is not
    claimed that a group of five or more keeps what all its answers have in common: a raw score of 100 says that
    everybody gave the best one. Nor that unrounded slopes and territory effects of several runs tell nothing to
    somebody who holds them against the attributes of every single customer who answered.

8. Comparing
    A difference counts when it exceeds both chance and the smallest difference worth naming (an interval null), with
    the share of false alarms held down over all reps shown (Benjamini and Hochberg 1995). A rank is never given alone
    but as the set of ranks the data allow (Mogstad, Romano, Shaikh and Wilhelm 2024). A funnel plot shows which
    scores chance alone would seldom give, and says how much wider all of them lie (Spiegelhalter 2005). A change
    between two periods comes from one fit of both, with the same slopes, the customers who answered twice, and the
    regression to the mean to be expected anyway.

9. Made again, it is the same
    Rows are put in one order, sums run over 64 fixed parts cut by a hash of the customer, and a run keeps its spec,
    the fingerprint of its data and the versions it was made with: the same answers in any order give the same bytes.
    On runs of moderate size generalised least squares by other software must find the same level and territories, and
    the check is stored.

What it does not do
    It cannot adjust for what nobody recorded, and it does not cure prejudice in customers' answers. A score is evidence
    for a person who decides, not a decision.

References
    Agency for Healthcare Research and Quality. Instructions for Analyzing Data from CAHPS Surveys.
    Benjamini, Hochberg (1995). Controlling the false discovery rate. JRSS B 57.
    Breusch, Pagan (1979). A simple test for heteroscedasticity and random coefficient variation. Econometrica 47.
    Fox, Monette (1992). Generalized collinearity diagnostics. JASA 87.
    Henderson (1975). Best linear unbiased estimation and prediction under a selection model. Biometrics 31.
    Kalbfleisch, Wolfe (2013). On monitoring outcomes of medical providers. Statistics in Biosciences 5.
    Kish (1965). Survey Sampling.
    Liang, Zeger (1986). Longitudinal data analysis using generalized linear models. Biometrika 73.
    Mogstad, Romano, Shaikh, Wilhelm (2024). Inference for ranks. Review of Economic Studies 91.
    Mundlak (1978). On the pooling of time series and cross section data. Econometrica 46.
    O'Malley, Zaslavsky, Elliott, Zaborski, Cleary (2005). Case-mix adjustment of the CAHPS Hospital Survey. HSR 40.
    Patterson, Thompson (1971). Recovery of inter-block information when block sizes are unequal. Biometrika 58.
    Paule, Mandel (1982). Consensus values and weighting factors. J. Res. National Bureau of Standards 87.
    Satterthwaite (1946). An approximate distribution of estimates of variance components. Biometrics Bulletin 2.
    Spiegelhalter (2005). Funnel plots for comparing institutional performance. Statistics in Medicine 24.
    Viechtbauer (2007). Confidence intervals for the amount of heterogeneity in meta-analysis. Stat. Med. 26.
"""
