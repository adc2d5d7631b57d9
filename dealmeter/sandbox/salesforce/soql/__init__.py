"""The part of SOQL that readers of a CRM need, in the order in which a query passes: lexer, parser, plan, run."""
