"""Recorded runs: forecast and backtest. The one place where models meet tables."""

from worthwhile.runs.asked import Asked
from worthwhile.runs.backtesting import BacktestRun, backtest
from worthwhile.runs.forecasting import ForecastRun, forecast
from worthwhile.runs.record import list_runs, run_folder

__all__ = ["Asked", "BacktestRun", "ForecastRun", "backtest", "forecast", "list_runs", "run_folder"]
