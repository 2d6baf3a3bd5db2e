"""A job that says all that a run can say; another process loads this file (test_json_lines)."""

import logging
import warnings

import dagster as dg

from user_code.shared.json_lines import write_json_lines

write_json_lines()


@dg.op
def talk(context: dg.OpExecutionContext) -> None:
    context.log.info("two\nlines, “quoted”")
    dg.get_dagster_logger().info("by the module's logger")
    logging.getLogger("some.library").warning("a library warns")
    logging.warning("as Dagster's storage warns")
    dg.get_dagster_logger().info("after that")
    warnings.warn("of no use", stacklevel=1)
    try:
        raise KeyError("inner")
    except KeyError:
        context.log.exception("it goes on")
    try:
        raise ValueError("root")
    except ValueError as error:
        raise RuntimeError("cannot go on") from error


@dg.job(executor_def=dg.in_process_executor)
def talking() -> None:
    talk()


defs = dg.Definitions(jobs=[talking])
