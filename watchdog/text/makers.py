"""Tokens that can be told by their own shape: each maker's prefix and alphabet, from the makers' own documentation."""

from __future__ import annotations

from watchdog.text.regexes import regex

_SHAPES = (
    r"(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{16}\b",  # AWS access key
    r"gh[pousr]_[A-Za-z0-9]{30,255}",  # GitHub
    r"github_pat_[A-Za-z0-9_]{20,255}",
    r"gl(?:pat|dt|rt|ptt|soat|agent|oas|cbt)-[A-Za-z0-9_-]{16,255}",  # GitLab
    r"xox[abceoprs]-[A-Za-z0-9-]{8,255}",  # Slack
    r"xapp-[0-9]-[A-Za-z0-9-]{8,255}",
    r"(?:sk|rk|pk)_(?:live|test)_[0-9A-Za-z]{10,255}",  # Stripe
    r"whsec_[A-Za-z0-9+/=_-]{16,255}",
    r"AIza[0-9A-Za-z_-]{30,60}",  # Google
    r"ya29\.[0-9A-Za-z_-]{16,1000}",
    r"GOCSPX-[0-9A-Za-z_-]{20,60}",
    r"eyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{4,4000}(?:\.[A-Za-z0-9_-]{0,2000})?",  # JSON web token
    r"sk-(?=[A-Za-z_-]{0,80}[0-9])[A-Za-z0-9_-]{20,255}",  # OpenAI, Anthropic and others
    r"npm_[A-Za-z0-9]{30,60}",
    r"pypi-[A-Za-z0-9_-]{16,1000}",
    r"SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,128}",  # SendGrid
    r"SK[0-9a-f]{32}\b",  # Twilio
    r"hf_[A-Za-z0-9]{30,60}",  # Hugging Face
    r"do[opr]_v1_[a-f0-9]{60,70}",  # DigitalOcean
    r"key-[0-9a-f]{32}\b",  # Mailgun
    r"dapi[0-9a-f]{32}\b",  # Databricks
    r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}",  # Shopify
    r"AGE-SECRET-KEY-1[0-9A-Z]{50,70}",
    r"hv[sbr]\.[A-Za-z0-9_-]{20,255}",  # Vault
    r"lin_api_[A-Za-z0-9]{30,60}",  # Linear
    r"NRAK-[A-Z0-9]{20,40}",  # New Relic
    r"[0-9]{8,10}:AA[A-Za-z0-9_-]{30,40}",  # Telegram
    r"EAA[A-Za-z0-9]{40,400}",  # Facebook
    r"dckr_pat_[A-Za-z0-9_-]{20,60}",  # Docker
    r"ATATT3[A-Za-z0-9_=-]{40,400}",  # Atlassian
    r"glc_[A-Za-z0-9+/=]{20,400}",  # Grafana
)
TOKENS = regex(r"(?<![A-Za-z0-9_])(?:" + "|".join(_SHAPES) + ")")

# Secrets in the path of an address: who has the address has the right.
WEBHOOKS = regex(
    r"(hooks\.slack\.com/(?:services|workflows)/|discord(?:app)?\.com/api/webhooks/[0-9]{1,25}/|"
    r"[a-z0-9.-]{0,60}webhook\.office\.com/webhookb2/|outlook\.office\.com/webhook/|api\.telegram\.org/bot)"
    r"([^\s\"'<>]{8,500})"
)
