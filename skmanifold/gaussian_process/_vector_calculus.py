"""What an estimator of vector fields can tell of their derivatives."""

from skmanifold.gaussian_process._field_calculus import curl, divergence, singularities


class VectorCalculusMixin:
    """Divergence, curl and singularities of the fitted field ``_field`` of an estimator."""

    def divergence(self, X, return_std=False):
        """How much more of a vector field leaves each point than enters it.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_features)
        return_std : bool, default=False

        Returns
        -------
        divergence : ndarray of shape (n_queries,)
            Trace of the covariant derivative of the mean, in units of `y` for each unit of `X`.
        std : ndarray of shape (n_queries,)
            Posterior standard deviation. Only with `return_std`.

        Raises
        ------
        ValueError
            If the field is of scalars.
        """
        X = self._new_points(X)
        return divergence(self._field, X, return_std=return_std)

    def curl(self, X, return_std=False):
        """How fast a vector field turns about each point.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_features)
        return_std : bool, default=False

        Returns
        -------
        curl : ndarray of shape (n_queries, 3), or (n_queries,) in the plane
            In units of `y` for each unit of `X`. On a surface in space a vector along the
            normal, by the right-hand rule, whichever way the frames go round.
        std : ndarray of the same shape
            Posterior standard deviation. Only with `return_std`.

        Raises
        ------
        ValueError
            If the field is of scalars, on a curve, or in more than three dimensions.
        """
        X = self._new_points(X)
        return curl(self._field, X, return_std=return_std)

    def singularities(self):
        """Sources, sinks, vortices and saddles: where the mean of a vector field vanishes.

        Returns
        -------
        singularities : Singularities
            With the arrays `positions`, `indices` (on a closed surface they sum to its Euler
            characteristic), `kinds`, `jacobians`, `frames` and `position_std`, the surest place
            first.

        Raises
        ------
        ValueError
            If the field is of scalars.
        """
        return singularities(self._field)
